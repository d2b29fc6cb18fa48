"""Runs as jobs of a cluster, through submitit: the same ledger, and the same checkpoints after a preemption."""

import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iai.study.jobs.jobs import (
    GRACE_SECONDS,
    INTERRUPTED,
    Executor,
    Local,
    Run,
    environment,
    launch,
    runs_root,
)
from iai.types import UserError

ASK_SECONDS = 2.0
"""How often a cluster is asked which jobs it still has."""


class Placed:
    """What a Slurm job executes: the run's command, stopped in time and queued again where its node is taken away.

    Slurm says SIGTERM to every process of a job, often twice, and a run obeys a second one at once: a preempted run
    goes on from the last checkpoint that it wrote of its own accord, at most `TrainConfig.checkpoint_seconds` ago.
    """

    def __call__(self, command: list[str], env: dict[str, str], log: Path) -> int:
        """The command's exit code. One that was told to stop waits here for Slurm, which ends or requeues the job."""

        def deaf() -> None:  # submitit's own signal goes to all processes of the job
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)

        self.process = launch(command, env, log, preexec_fn=deaf)
        code = self.process.wait()
        if code in (INTERRUPTED, -signal.SIGTERM):
            time.sleep(GRACE_SECONDS)
        return code

    def checkpoint(self, command: list[str], env: dict[str, str], log: Path) -> Any:
        """The run's own checkpoint, and the same job once more: what submitit asks for before the time is up."""
        import submitit

        self.process.terminate()
        self.process.wait(GRACE_SECONDS)
        return submitit.helpers.DelayedSubmission(Placed(), command, env, log)


@dataclass(kw_only=True)
class SlurmJob:
    """A job of Slurm's, which stays in its queue when it is preempted and goes on from its checkpoint."""

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
            error = self.job.exception()
            code = 1 if error else self.job.result()
            return INTERRUPTED if code == -signal.SIGTERM else code
        return None if queued else INTERRUPTED if self.asked else 1

    def queued(self) -> bool:
        """Whether Slurm has it, running or waiting; if Slurm does not answer, it may."""
        words = ["squeue", "--noheader", "--format=%A", f"--jobs={self.job.job_id}"]
        answer = subprocess.run(words, capture_output=True, text=True, check=False)
        return bool(answer.stdout.strip()) if answer.returncode == 0 else "Invalid job id" not in answer.stderr

    def ask_to_stop(self) -> None:
        """scancel: the run gets SIGTERM, writes a checkpoint, and the job leaves the queue."""
        if not self.asked:
            self.asked = True
            self.job.cancel(check=False)

    def kill(self) -> None:
        """The same: Slurm sees to it that it ends."""
        self.ask_to_stop()


class Slurm:
    """Jobs are placed by Slurm, through submitit: logs and pickles in `runs/slurm`, one task and one core a job.

    `options` are submitit's parameters (slurm_partition, timeout_min, ...). `UserError` where submitit or Slurm is
    missing, or an option is not known.
    """

    def __init__(self, options: dict[str, str]) -> None:
        try:
            import submitit
        except ImportError as error:
            raise UserError("--executor slurm needs submitit: pip install 'iai[slurm]'") from error
        try:
            self.executor = submitit.AutoExecutor(folder=runs_root().resolve() / "slurm", cluster="slurm")
        except RuntimeError as error:
            raise UserError("--executor slurm needs Slurm's sbatch: run it where jobs are submitted") from error
        self.refused = submitit.core.utils.FailedJobError
        self.options = {name: int(text) if text.isdigit() else text for name, text in options.items()}
        try:
            self.executor.update_parameters(**self.options)
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
    """The executor "local" or "slurm"; `options` are NAME=VALUE for the latter. `UserError` on any other word."""
    pairs = [option.partition("=") for option in options]
    if wrong := [name for name, equals, value in pairs if not (name and equals and value)]:
        raise UserError(f"--slurm {wrong[0]}: write NAME=VALUE, as in slurm_partition=long")
    if name == "slurm":
        return Slurm({name: value for name, _, value in pairs})
    if options:
        raise UserError("--slurm is for --executor slurm")
    return Local()
