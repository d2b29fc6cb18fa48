"""Many runs as jobs: which fit the time, jobs that compute them, and what one job does."""

import math
import os
import re
import shutil
import signal
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from iai.study.jobs.executors import GRACE_SECONDS, INTERRUPTED, RUNNING, Executor, Job, local
from iai.study.jobs.run import fit, run, training_hash
from iai.study.jobs.runs import Run, runs_root
from iai.study.ledger import records
from iai.study.registry import EXPERIMENTS, SECONDS, experiment
from iai.training import checkpoint, distributed, pick_device, replace_file, stop_signals
from iai.types import UserError

START_SECONDS = 10.0
"""What a job takes before it computes."""
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
LEDGER_MB, RUNS_MB = 16.0, 512.0
"""Free space without which no run is started."""
OUTCOMES = {0: "done", RUNNING: "elsewhere", INTERRUPTED: "stopped", -signal.SIGTERM: "stopped"}
"""What became of a run, by the exit code of its job (the last: before it handled signals); any other is "failed"."""


def seconds(text: str) -> float:
    """A span such as 90s, 9m or 1h30m in seconds; no text is no limit."""
    if not text:
        return math.inf
    if not re.fullmatch(r"(\d+(\.\d+)?[smh])*", text):
        raise UserError(f"--budget {text!r} is no time: write 90s, 9m or 1h30m")
    return math.fsum(float(n) * UNITS[unit] for n, _, unit in re.findall(r"(\d+(\.\d+)?)([smh])", text))


def expected_seconds(profile: str) -> dict[str, float]:
    """Expected seconds of a run of each key: the median of its records, else the slowest known key, else the limit."""
    found = {key: records.records(key, profile) for key in EXPERIMENTS}
    took = {key: [one.get("job_seconds") or one["seconds"] for one in some] for key, some in found.items()}
    known = {key: statistics.median(seconds) for key, seconds in took.items() if seconds}
    otherwise = max(known.values(), default=SECONDS[profile])
    return {key: known.get(key, otherwise) + START_SECONDS for key in EXPERIMENTS}


def check_folders(below: str = "") -> None:
    """`UserError` unless ledger and checkpoints can be written now and have room, before any training."""
    if not records.root().is_dir():
        say(f"a new ledger: {records.root().absolute()}")
    for root, megabytes, option in ((records.root(), LEDGER_MB, "--results"), (runs_root(), RUNS_MB, "--runs")):
        folder = root / below
        remedy = f"free some space, or choose another folder with {option} DIR"
        try:
            replace_file(folder / f"probe.{uuid4().hex}", bytes(4096)).unlink()
            free = shutil.disk_usage(folder).free / 1e6
        except OSError as error:
            raise UserError(f"cannot write in {folder} ({error.strerror}): {remedy}") from error
        if free < megabytes:
            raise UserError(f"{folder} has {free:.0f} MB free and a run needs {megabytes:.0f} MB: {remedy}")


def compute(one: Run, device: str | None, show: bool, *, again: bool = False, renew: bool = False) -> str:
    """Compute a run and write its record; returns what was done. `locks.Running` if another process computes it.

    A run that is done is computed only with `again`, or with `renew` if other sources computed it. Of several
    processes, the first does all this; the others only train with it.
    """
    if rank := distributed.rank():
        if not distributed.any_process(False):
            chosen = experiment(one.key, one.profile)
            fit(chosen, seed=one.seed, device=pick_device(device), path=one.checkpoint, show=False)
        return f"process {rank} has done its share of {one}"
    check_folders(f"{one.profile}/{one.key}")
    with records.lock(*one):
        done = one.status(renew, locked=False) == "done" and not again
        if not done:
            say(set_aside(one), end="")
        if distributed.any_process(done):
            return f"already done: {records.path_of(*one)}"
        started = time.monotonic()
        record = run(one, device=device, show=show)
        took = max(record["seconds"], time.monotonic() - started)  # some of the training may be of an earlier job
        return f"done: {records.write(record | {'job_seconds': round(took, 2)})}"


def set_aside(one: Run) -> str:
    """Rename a checkpoint of another config or other sources, so that the run starts anew; returns a note, or ""."""
    path = one.checkpoint
    if not path.exists():
        return ""
    found = checkpoint.read(path)[1]
    training = training_hash(experiment(one.key, one.profile))
    if (found.get("sources_hash"), found.get("config_hash")) == (records.sources_hash(), training):
        return ""
    old = path.replace(path.with_name(f"{path.stem}.old{path.suffix}"))
    return f"the config or the library changed since {path} was written: starting anew, kept as {old.name}\n"


def say(text: str, end: str = "\n") -> None:
    """Print; work goes on if the reader of the output is gone."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@dataclass
class Report:
    """Runs by what became of them: done, failed, stopped, elsewhere or left. Those done before are in none."""

    runs: dict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))
    interrupted: bool = False

    def collect(self, active: list[Job]) -> bool:
        """Move ended jobs from `active` to the outcomes of their exit codes, and say so; whether there are any."""
        ended = [(job, code) for job in active if (code := job.code()) is not None]
        for job, code in ended:
            active.remove(job)
            outcome, log, why = OUTCOMES.get(code, "failed"), job.run.log, ""
            self.runs[outcome].append(job.run)
            if outcome == "failed":
                text = log.read_text(errors="replace").strip() if log.exists() else ""
                why = f": {text.splitlines()[-1] if text else 'it said nothing'} (all of it in {log})"
            say(f"{outcome:9} {job.run} after {time.monotonic() - job.started:.0f} s{why}")
        return bool(ended)


def reproduce(
    runs: Sequence[Run],
    jobs: int,
    budget: float,
    device: str | None = None,
    *,
    executor: Executor = local,
    renew: bool = False,
) -> Report:
    """Compute what is pending or stale among `runs`, `jobs` at a time, none that would outlast the budget.

    With `renew`, also what other sources computed. SIGINT, SIGTERM, the end of the budget and errors of our own are
    passed on to the jobs, which write a checkpoint and end.
    """
    check_folders()
    deadline, report = time.monotonic() + budget, Report()
    for one in runs:
        if (status := one.status(renew)) != "done":
            report.runs["elsewhere" if status == "running" else "left"].append(one)
    left = report.runs["left"]

    def fill(active: list[Job]) -> None:  # while fewer than `jobs` are active and one is expected to end in time
        while left and len(active) < jobs:
            expected = expected_seconds(left[0].profile)
            fitting = (one for one in left if time.monotonic() + expected[one.key] <= deadline)
            if (one := next(fitting, None)) is None:
                return
            left.remove(one)
            active.append(executor(one, one.command(device, renew), expected[one.key]))
            say(f"started   {one} (about {expected[one.key]:.0f} s)")

    work(report, deadline, fill)
    return report


def work(report: Report, deadline: float, fill: Callable[[list[Job]], None]) -> None:
    """Compute the runs that are left, until none fits the time or a signal arrives; no job outlives this."""
    active: list[Job] = []
    try:
        with stop_signals() as stopped:
            fill(active)
            while active:
                if stopped or time.monotonic() > deadline:
                    for job in active:
                        job.stop()
                if report.collect(active) and not stopped:
                    fill(active)
                time.sleep(0.05)
            report.interrupted = bool(stopped)
    except Exception:
        patience = time.monotonic() + GRACE_SECONDS
        for job in active:
            job.stop()
        while time.monotonic() < patience and any(job.code() is None for job in active):
            time.sleep(0.05)
        raise
    finally:  # also where a second signal ends the waiting
        for job in active:
            job.kill()
