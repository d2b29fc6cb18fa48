"""A run, and the job that computes it: here a process of this machine; `slurm` has the other kind."""

import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from iai.experiment import to_json
from iai.study.jobs.run import checkpoint_path, experiment
from iai.study.ledger import records
from iai.study.ledger.records import Status

COMMAND = [sys.executable, "-m", "iai"]
GRACE_SECONDS = 60.0
"""How long a job that was asked to stop may take over its checkpoint."""
RUNNING, INTERRUPTED = 3, 130
"""Exit codes of a job beside 0 (done), 1 (failed) and 2 (a mistake of the user)."""
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the ledger counts: an experiment's key, a profile, a seed."""

    key: str
    profile: str
    seed: int

    def __str__(self) -> str:
        return f"{self.key} {self.profile} seed {self.seed}"

    @property
    def expected(self) -> str:
        """The hash of the config that a record of this run must have today."""
        return records.config_hash(to_json(experiment(self.key, self.profile)))

    @property
    def log(self) -> Path:
        """Where the words of its job go."""
        return checkpoint_path(self.key, self.profile, self.seed, runs_root()).with_suffix(".log")

    def status(self, renew: bool = False) -> Status:
        """done, pending, stale or running; with `renew`, what other sources computed is stale too."""
        sources = records.sources_hash() if renew else None
        return records.status(self.key, self.profile, self.seed, self.expected, sources)

    def command(self, device: str | None, renew: bool = False) -> list[str]:
        """`python -m iai run KEY ...`."""
        words = ["run", self.key, "--profile", self.profile, "--seed", str(self.seed), "--quiet"]
        return [*COMMAND, *words, *(["--device", device] if device else []), *(["--renew"] if renew else [])]


def runs_root() -> Path:
    """Where checkpoints and logs go: `$IAI_RUNS`, else `runs` beside the ledger's `book`."""
    ledger = records.root()
    beside = ledger.parent.parent if ledger.parent.name == "book" else ledger.parent
    return Path(os.environ.get("IAI_RUNS") or beside / "runs")


def environment() -> dict[str, str]:
    """What a job must know beside its command: the folders, and to use one thread."""
    return {"IAI_RESULTS": str(records.root().resolve()), "IAI_RUNS": str(runs_root().resolve()), **THREADS}


def launch(command: list[str], env: dict[str, str], log: Path, **options: Any) -> subprocess.Popen[bytes]:
    """A process that adds its command and its words to a log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"$ {shlex.join(command)}\n".encode())
        output.flush()
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | env,
            **options,
        )


@runtime_checkable
class Job(Protocol):
    """A run under way."""

    run: Run
    started: float

    def code(self) -> int | None:
        """Its exit code, once it has ended."""

    def ask_to_stop(self) -> None:
        """Have it write a checkpoint and end; asking again is harmless."""

    def kill(self) -> None:
        """End it at once."""


@runtime_checkable
class Executor(Protocol):
    """Starts jobs."""

    def start(self, one: Run, command: list[str], seconds: float) -> Job:
        """A job for a run, by its command, that is expected to take so many seconds."""


@dataclass(kw_only=True)
class LocalJob:
    """A process of this machine, with one thread, in a session of its own so that signals reach it only through us."""

    run: Run
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    asked: float | None = None

    def code(self) -> int | None:
        """Its exit code; if it was asked to stop before it listened, nothing was begun."""
        code = self.process.poll()
        return INTERRUPTED if code == -signal.SIGTERM else code

    def ask_to_stop(self) -> None:
        """SIGTERM, once: the job writes a checkpoint and ends. SIGKILL if that takes too long."""
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
    """Jobs are processes of this machine."""

    def start(self, one: Run, command: list[str], seconds: float) -> LocalJob:
        """The run's command as a process."""
        process = launch(command, environment(), one.log, start_new_session=True)
        return LocalJob(run=one, process=process)
