"""Runs as jobs: which are wanted, in what order, what fits the time, and processes that compute them."""

import fnmatch
import math
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iai.study.jobs.folders import check_writable
from iai.study.jobs.jobs import GRACE_SECONDS, INTERRUPTED, RUNNING, Executor, Job, Local, Run, runs_root
from iai.study.jobs.run import (
    EXPERIMENTS,
    PROFILES,
    SECONDS,
    checkpoint_path,
    experiment,
    fit,
    run,
    training_hash,
)
from iai.study.ledger import records
from iai.study.ledger.records import unknown
from iai.study.registry import seeds_of
from iai.training import checkpoint, distributed
from iai.training.loop import pick_device, stop_signals
from iai.types import UserError

START_SECONDS = 10.0
"""What a job takes before it computes."""
MEND = "free some space, or choose another folder with"
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
LEDGER_MB, RUNS_MB = 16.0, 512.0
"""Free space without which no run is started."""


def matching(pattern: str) -> list[str]:
    """Keys that are `pattern`, lie below it, or match it as a shell pattern; `UserError` if none does."""
    found = [
        key
        for key in EXPERIMENTS
        if key == pattern or key.startswith(pattern.rstrip("/") + "/") or fnmatch.fnmatchcase(key, pattern)
    ]
    if found:
        return found
    groups = {"/".join(key.split("/")[:depth]) for key in EXPERIMENTS for depth in (1, 2)}
    raise unknown("key or pattern", pattern, [*EXPERIMENTS, *sorted(groups)])


def wanted(pattern: str, profile: str, seeds: int | None = None) -> list[Run]:
    """The runs of a pattern, most valuable first: paper tables, then first seeds, then the registry."""
    if profile not in PROFILES:
        raise unknown("profile", profile, PROFILES)
    runs = [
        Run(key=key, profile=profile, seed=seed)
        for key in matching(pattern)
        for seed in range(seeds_of(key, profile) if seeds is None else seeds)
    ]
    return sorted(runs, key=lambda one: (not one.key.startswith("table"), one.seed))


def seconds(text: str) -> float:
    """A span such as 90s, 9m or 1h30m in seconds; no text is no limit."""
    if not text:
        return math.inf
    if not re.fullmatch(r"(\d+(\.\d+)?[smh])*", text):
        raise UserError(f"--budget {text!r} is no time: write 90s, 9m or 1h30m")
    return math.fsum(float(n) * UNITS[unit] for n, _, unit in re.findall(r"(\d+(\.\d+)?)([smh])", text))


def expected_seconds(profile: str) -> dict[str, float]:
    """Seconds that a run of each key will take: as it took, else as the slowest known key, else the limit."""
    took: dict[str, list[float]] = {
        key: [float(record.get("job_seconds") or record["seconds"]) for record in records.records(key, profile)]
        for key in EXPERIMENTS
    }
    known = {key: statistics.median(seconds) for key, seconds in took.items() if seconds}
    otherwise = max(known.values(), default=SECONDS[profile])
    return {key: known.get(key, otherwise) + START_SECONDS for key in EXPERIMENTS}


def check_folders() -> None:
    """`UserError` unless ledger and checkpoints can be written now, before any training."""
    check_writable(records.root(), LEDGER_MB, f"{MEND} --results DIR")
    check_writable(runs_root(), RUNS_MB, f"{MEND} --runs DIR")


def perform(one: Run, device: str | None, show: bool, *, again: bool = False, renew: bool = False) -> str:
    """Compute a run and put it in the ledger; says what was done. `locks.Running` if another process does.

    With `again` whatever the ledger has; with `renew` also what other sources computed.
    """
    sources = records.sources_hash() if renew else None
    if distributed.rank():
        return assist(one, device)
    check_folders()
    with records.lock(one.key, one.profile, one.seed):
        path = records.path_of(one.key, one.profile, one.seed)
        there = records.recorded(one.key, one.profile, one.seed, one.expected, sources) == "done" and not again
        if not there:
            say(set_aside(one), end="")
        if distributed.any_process(there):
            return f"already done: {path}"
        started = time.monotonic()
        record = run(one.key, one.profile, one.seed, device=device, folder=runs_root(), progress=show)
        # Training, some of it perhaps earlier, and the rest.
        took = max(record["seconds"], time.monotonic() - started)
        records.write(record | {"job_seconds": round(took, 2)})
        return f"done: {path}"


def assist(one: Run, device: str | None) -> str:
    """Train as one of several processes whose first has the ledger and all else."""
    rank = distributed.rank()
    if not distributed.any_process(False):
        chosen, path = (
            experiment(one.key, one.profile),
            checkpoint_path(one.key, one.profile, one.seed, runs_root()),
        )
        fit(chosen, seed=one.seed, device=pick_device(device), path=path, show=False)
    return f"process {rank} has done its share of {one}"


def set_aside(one: Run) -> str:
    """Rename a checkpoint that another training or other sources made, so that the run starts anew; says so, or ""."""
    path = checkpoint_path(one.key, one.profile, one.seed, runs_root())
    if not path.exists():
        return ""
    found = checkpoint.read(path)[1]
    training = training_hash(experiment(one.key, one.profile))
    if (found.get("sources_hash"), found.get("config_hash")) == (records.sources_hash(), training):
        return ""
    old = path.replace(path.with_name(f"{path.stem}.old{path.suffix}"))
    return f"the config or the library changed since {path} was written: starting anew, kept as {old.name}\n"


@dataclass
class Report:
    """What became of the runs that were asked for."""

    done: list[Run] = field(default_factory=list)
    failed: list[Run] = field(default_factory=list)
    stopped: list[Run] = field(default_factory=list)
    elsewhere: list[Run] = field(default_factory=list)
    left: list[Run] = field(default_factory=list)
    interrupted: bool = False

    def file(self, job: Job, code: int) -> None:
        """Put an ended job where its exit code says, and say so."""
        places = {
            0: ("done", self.done),
            RUNNING: ("elsewhere", self.elsewhere),
            INTERRUPTED: ("stopped", self.stopped),
        }
        word, place = places.get(code, ("failed", self.failed))
        place.append(job.run)
        why = f": {last_words(job.run.log)} (all of it in {job.run.log})" if word == "failed" else ""
        say(f"{word:9} {job.run} after {time.monotonic() - job.started:.0f} s{why}")


def last_words(log: Path) -> str:
    """The last line that a job wrote."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it said nothing"


def say(text: str, end: str = "\n") -> None:
    """Print, whether or not anybody still listens: work goes on without."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def reproduce(
    runs: Sequence[Run],
    jobs: int,
    budget: float,
    device: str | None = None,
    *,
    executor: Executor = Local(),  # noqa: B008 (it has no state)
    renew: bool = False,
) -> Report:
    """Compute what is pending or stale among `runs`, `jobs` at a time, none that would outlast the budget.

    With `renew`, also what other sources computed. SIGINT, SIGTERM, the end of the budget and errors of our own are
    passed on to the jobs, which write a checkpoint and end.
    """
    check_folders()
    deadline = time.monotonic() + budget
    status = {one: one.status(renew) for one in runs}
    report = Report(elsewhere=[one for one in runs if status[one] == "running"])
    report.left = [one for one in runs if status[one] in ("pending", "stale")]
    active: list[Job] = []

    def start(one: Run, seconds: float) -> Job:
        return executor.start(one, one.command(device, renew), seconds)

    try:
        with stop_signals() as stopped:
            fill(active, report.left, jobs, deadline, start)
            while active:
                if stopped or time.monotonic() > deadline:
                    for job in active:
                        job.ask_to_stop()
                ended = [(job, code) for job in active if (code := job.code()) is not None]
                for job, code in ended:
                    active.remove(job)
                    report.file(job, code)
                if ended and not stopped:
                    fill(active, report.left, jobs, deadline, start)
                time.sleep(0.05)
            report.interrupted = bool(stopped)
    except Exception:
        end(active)
        raise
    finally:  # a second signal ends the patience
        for job in active:
            job.kill()
    return report


def end(active: list[Job]) -> None:
    """Have all jobs write a checkpoint and end, as long as they may take for it."""
    patience = time.monotonic() + GRACE_SECONDS
    for job in active:
        job.ask_to_stop()
    while time.monotonic() < patience and any(job.code() is None for job in active):
        time.sleep(0.05)


def fill(active: list[Job], left: list[Run], jobs: int, deadline: float, start: Callable[[Run, float], Job]) -> None:
    """Move runs from `left` to `active` while a process is free and one is expected to end by `deadline`."""
    while left and len(active) < jobs:
        seconds = expected_seconds(left[0].profile)
        fits = [one for one in left if time.monotonic() + seconds[one.key] <= deadline]
        if not fits:
            return
        left.remove(fits[0])
        active.append(start(fits[0], seconds[fits[0].key]))
        say(f"started   {fits[0]} (about {seconds[fits[0].key]:.0f} s)")
