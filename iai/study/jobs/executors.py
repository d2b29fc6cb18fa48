"""Jobs that compute runs: processes of this machine, or jobs of Slurm submitted through submitit.

submitit has a local executor too. Its jobs took 1.5 s longer to start and got 1 s to write a checkpoint before they
were killed, so local jobs are plain processes. A run is done when the ledger has it, whatever its job returns.
"""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from iai.study.jobs.runs import Run, runs_root
from iai.study.ledger import records
from iai.types import UserError

GRACE_SECONDS = 60.0
"""How long a job may take to write its checkpoint and end."""
POLL_SECONDS = 2.0
"""How often Slurm is polled for the jobs that it still has."""
RUNNING, INTERRUPTED = 3, 130
"""Exit codes of a job beside 0 (done), 1 (failed) and 2 (a mistake of the user)."""
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def environment() -> dict[str, str]:
    """The variables that a job needs: the folders, and one thread."""
    return {"IAI_RESULTS": str(records.root().resolve()), "IAI_RUNS": str(runs_root().resolve()), **THREADS}


def launch(command: list[str], env: dict[str, str], log: Path, **options: Any) -> subprocess.Popen[bytes]:
    """A process whose command and output are added to a log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and not os.access(log, os.W_OK):  # of another user
        log.unlink()
    with log.open("ab") as output:
        output.write(os.fsencode(f"$ {shlex.join(command)}\n"))
        output.flush()
        options |= {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, env=os.environ | env, **options)


@dataclass(kw_only=True)
class LocalJob:
    """A process of this machine, in a session of its own so that signals reach it only through us."""

    run: Run
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    stopped: float | None = None

    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self.process.poll()

    def stop(self) -> None:
        """SIGTERM the first time, so that it writes a checkpoint; SIGKILL once that is `GRACE_SECONDS` ago."""
        if self.stopped is None:
            self.stopped = time.monotonic()
            self.process.terminate()
        elif time.monotonic() - self.stopped > GRACE_SECONDS:
            self.process.kill()

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.process.kill()
        self.process.wait()


class SlurmCommand:
    """What a Slurm job executes: the run's command, requeued by submitit before its time is up.

    Slurm sends SIGTERM to every process of a job, often twice, and a run ends at once on the second. A preempted run
    goes on from its last regular checkpoint, at most `TrainConfig.checkpoint_seconds` old.
    """

    def __call__(self, command: list[str], env: dict[str, str], log: Path) -> int:
        """The command's exit code. After an interruption it waits for Slurm, which ends or requeues the job."""
        # submitit's own signal goes to all processes of the job
        ignore = partial(signal.signal, signal.SIGUSR2, signal.SIG_IGN)
        self.process = launch(command, env, log, preexec_fn=ignore)
        code = self.process.wait()
        if code in (INTERRUPTED, -signal.SIGTERM):
            time.sleep(GRACE_SECONDS)
        return code

    def checkpoint(self, command: list[str], env: dict[str, str], log: Path) -> Any:
        """Stop the run at a checkpoint and submit the same job again; submitit calls this before the time is up."""
        import submitit

        self.process.terminate()
        self.process.wait(GRACE_SECONDS)
        return submitit.helpers.DelayedSubmission(SlurmCommand(), command, env, log)


@dataclass(kw_only=True)
class SlurmJob:
    """A job of Slurm, which stays queued when it is preempted and goes on from its checkpoint."""

    run: Run
    job: Any
    started: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    polled: float = 0.0

    def code(self) -> int | None:
        """Its exit code, None while it is queued or runs; a job that left the queue without one has failed."""
        if time.monotonic() - self.polled < POLL_SECONDS:
            return None
        words = ["squeue", "--noheader", "--format=%A", f"--jobs={self.job.job_id}"]
        answer = subprocess.run(words, capture_output=True, text=True, check=False)
        self.polled = time.monotonic()
        if self.job.paths.result_pickle.exists():
            return 1 if self.job.exception() else self.job.result()
        # where Slurm does not answer, the job counts as queued
        queued = bool(answer.stdout.strip()) if answer.returncode == 0 else "Invalid job id" not in answer.stderr
        return None if queued else INTERRUPTED if self.cancelled else 1

    def stop(self) -> None:
        """scancel: the run gets SIGTERM, writes a checkpoint, and the job leaves the queue."""
        if not self.cancelled:
            self.cancelled = True
            self.job.cancel(check=False)

    kill = stop


Job = LocalJob | SlurmJob
Executor = Callable[[Run, list[str], float], Job]
"""Starts the command of a run as a job; the run is expected to take so many seconds."""


def local(one: Run, command: list[str], seconds: float) -> LocalJob:
    """The executor of this machine: a process of one thread."""
    return LocalJob(run=one, process=launch(command, environment(), one.log, start_new_session=True))


def slurm(options: dict[str, str]) -> Executor:
    """The executor of a cluster: logs and pickles in `runs/slurm`, one task and one core a job.

    `options` are submitit's parameters (slurm_partition, timeout_min, ...). `UserError` where submitit or Slurm is
    missing, or an option is not known.
    """
    try:
        import submitit

        cluster = submitit.AutoExecutor(folder=runs_root().resolve() / "slurm", cluster="slurm")
        chosen = {name: int(text) if text.isdigit() else text for name, text in options.items()}
        cluster.update_parameters(**chosen)
    except ImportError as error:
        raise UserError("--executor slurm needs submitit: pip install 'iai[slurm]'") from error
    except RuntimeError as error:
        raise UserError("--executor slurm needs Slurm's sbatch: run it where jobs are submitted") from error
    except (NameError, TypeError, ValueError) as error:
        raise UserError(f"--slurm {' '.join(options)}: {str(error).splitlines()[0]}") from error

    def start(one: Run, command: list[str], seconds: float) -> SlurmJob:
        minutes = 5 + int(seconds // 15)  # four times what is expected, before it is queued again
        usual = {"name": f"iai-{one.seed}", "timeout_min": minutes, "cpus_per_task": 1}
        gpu = {"gpus_per_node": 1} if one.profile == "paper" else {}
        cluster.update_parameters(**usual | gpu | chosen)
        try:
            return SlurmJob(run=one, job=cluster.submit(SlurmCommand(), command, environment(), one.log))
        except submitit.core.utils.FailedJobError as error:
            raise UserError(f"Slurm takes no job: {str(error).strip().splitlines()[-1]}") from error

    return start


def executor(name: str, options: list[str]) -> Executor:
    """The executor "local" or "slurm"; `options` are NAME=VALUE for the latter. `UserError` on any other name."""
    pairs = [option.partition("=") for option in options]
    if wrong := [name for name, equals, value in pairs if not (name and equals and value)]:
        raise UserError(f"--slurm {wrong[0]}: write NAME=VALUE, as in slurm_partition=long")
    if name == "slurm":
        return slurm({name: value for name, _, value in pairs})
    if name != "local":
        raise records.unknown("executor", name, ("local", "slurm"))
    if options:
        raise UserError("--slurm is for --executor slurm")
    return local
