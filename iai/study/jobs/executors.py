"""Jobs that compute runs: processes of this machine, or jobs of Slurm placed through submitit.

submitit has a local executor too. Its jobs took 1.5 s longer to start and got 1 s to write a checkpoint before they
were killed, so that local jobs are plain processes. Whatever a job says, a run is done when the ledger has it.
"""

import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from iai.study.jobs.runs import Run, runs_root
from iai.study.ledger import records
from iai.types import UserError

GRACE_SECONDS = 60.0
"""How long a job that was asked to stop may take to write its checkpoint."""
ASK_SECONDS = 2.0
"""How often a cluster is asked which jobs it still has."""
RUNNING, INTERRUPTED = 3, 130
"""Exit codes of a job beside 0 (done), 1 (failed) and 2 (a mistake of the user)."""
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@runtime_checkable
class Job(Protocol):
    """A run under way."""

    run: Run
    started: float

    def code(self) -> int | None:
        """Its exit code, or None while it runs."""

    def ask_to_stop(self) -> None:
        """Ask it to write a checkpoint and end; asking again is harmless."""

    def kill(self) -> None:
        """End it at once."""


@runtime_checkable
class Executor(Protocol):
    """Starts jobs."""

    def start(self, one: Run, command: list[str], seconds: float) -> Job:
        """Start the command of a run, which is expected to take so many seconds."""


def environment() -> dict[str, str]:
    """The variables that a job needs: the folders, and one thread."""
    return {"IAI_RESULTS": str(records.root().resolve()), "IAI_RUNS": str(runs_root().resolve()), **THREADS}


def launch(command: list[str], env: dict[str, str], log: Path, **options: Any) -> subprocess.Popen[bytes]:
    """A process whose command and output are added to a log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"$ {shlex.join(command)}\n".encode())
        output.flush()
        options |= {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, env=os.environ | env, **options)


@dataclass(kw_only=True)
class LocalJob:
    """A process of this machine, in a session of its own so that signals reach it only through us."""

    run: Run
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    asked: float | None = None

    def code(self) -> int | None:
        """Its exit code; SIGTERM before it handled signals counts as an interruption."""
        code = self.process.poll()
        return INTERRUPTED if code == -signal.SIGTERM else code

    def ask_to_stop(self) -> None:
        """SIGTERM the first time; SIGKILL once that is `GRACE_SECONDS` ago."""
        if self.asked is None:
            self.asked = time.monotonic()
            self.process.terminate()
        elif time.monotonic() - self.asked > GRACE_SECONDS:
            self.process.kill()

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.process.kill()
        self.process.wait()


class Local:
    """Jobs are processes of this machine, with one thread each."""

    def start(self, one: Run, command: list[str], seconds: float) -> LocalJob:
        """The run's command as a process."""
        return LocalJob(run=one, process=launch(command, environment(), one.log, start_new_session=True))


class Placed:
    """What a Slurm job executes: the run's command, requeued by submitit before its time is up.

    Slurm sends SIGTERM to every process of a job, often twice, and a run ends at once on the second. A preempted run
    goes on from its last regular checkpoint, at most `TrainConfig.checkpoint_seconds` old.
    """

    def __call__(self, command: list[str], env: dict[str, str], log: Path) -> int:
        """The command's exit code. After an interruption it waits for Slurm, which ends or requeues the job."""

        def deaf() -> None:  # submitit's own signal goes to all processes of the job
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)

        self.process = launch(command, env, log, preexec_fn=deaf)
        code = self.process.wait()
        if code in (INTERRUPTED, -signal.SIGTERM):
            time.sleep(GRACE_SECONDS)
        return code

    def checkpoint(self, command: list[str], env: dict[str, str], log: Path) -> Any:
        """Stop the run at a checkpoint and submit the same job again; submitit calls this before the time is up."""
        import submitit

        self.process.terminate()
        self.process.wait(GRACE_SECONDS)
        return submitit.helpers.DelayedSubmission(Placed(), command, env, log)


@dataclass(kw_only=True)
class SlurmJob:
    """A job of Slurm, which stays queued when it is preempted and goes on from its checkpoint."""

    run: Run
    job: Any
    started: float = field(default_factory=time.monotonic)
    asked: bool = False
    looked: float = 0.0

    def code(self) -> int | None:
        """Its exit code; a job that left the queue without one was cancelled by us, or has failed."""
        if time.monotonic() - self.looked < ASK_SECONDS:
            return None
        queued = self.queued()
        self.looked = time.monotonic()
        if self.job.paths.result_pickle.exists():
            code = 1 if self.job.exception() else self.job.result()
            return INTERRUPTED if code == -signal.SIGTERM else code
        return None if queued else INTERRUPTED if self.asked else 1

    def queued(self) -> bool:
        """Whether Slurm has it, running or waiting; True where Slurm does not answer."""
        words = ["squeue", "--noheader", "--format=%A", f"--jobs={self.job.job_id}"]
        answer = subprocess.run(words, capture_output=True, text=True, check=False)
        return bool(answer.stdout.strip()) if answer.returncode == 0 else "Invalid job id" not in answer.stderr

    def ask_to_stop(self) -> None:
        """scancel: the run gets SIGTERM, writes a checkpoint, and the job leaves the queue."""
        if not self.asked:
            self.asked = True
            self.job.cancel(check=False)

    kill = ask_to_stop


class Slurm:
    """Jobs are placed by Slurm, through submitit: logs and pickles in `runs/slurm`, one task and one core a job.

    `options` are submitit's parameters (slurm_partition, timeout_min, ...). `UserError` where submitit or Slurm is
    missing, or an option is not known.
    """

    def __init__(self, options: dict[str, str]) -> None:
        try:
            import submitit

            self.executor = submitit.AutoExecutor(folder=runs_root().resolve() / "slurm", cluster="slurm")
            self.refused = submitit.core.utils.FailedJobError
            self.options = {name: int(text) if text.isdigit() else text for name, text in options.items()}
            self.executor.update_parameters(**self.options)
        except ImportError as error:
            raise UserError("--executor slurm needs submitit: pip install 'iai[slurm]'") from error
        except RuntimeError as error:
            raise UserError("--executor slurm needs Slurm's sbatch: run it where jobs are submitted") from error
        except (NameError, TypeError, ValueError) as error:
            raise UserError(f"--slurm {' '.join(options)}: {str(error).splitlines()[0]}") from error

    def start(self, one: Run, command: list[str], seconds: float) -> SlurmJob:
        """The run's command as a job, which may take four times what is expected before it is queued again."""
        chosen = {"name": f"iai-{one.seed}", "timeout_min": 5 + int(seconds // 15), "cpus_per_task": 1}
        if one.profile == "gpu":
            chosen["gpus_per_node"] = 1
        self.executor.update_parameters(**chosen | self.options)
        try:
            job = self.executor.submit(Placed(), command, environment(), one.log)
        except self.refused as error:
            raise UserError(f"Slurm takes no job: {str(error).strip().splitlines()[-1]}") from error
        return SlurmJob(run=one, job=job)


def executor(name: str, options: list[str]) -> Executor:
    """The executor "local" or "slurm"; `options` are NAME=VALUE for the latter. `UserError` on any other name."""
    pairs = [option.partition("=") for option in options]
    if wrong := [name for name, equals, value in pairs if not (name and equals and value)]:
        raise UserError(f"--slurm {wrong[0]}: write NAME=VALUE, as in slurm_partition=long")
    if name == "slurm":
        return Slurm({name: value for name, _, value in pairs})
    if name != "local":
        raise records.unknown("executor", name, ("local", "slurm"))
    if options:
        raise UserError("--slurm is for --executor slurm")
    return Local()
