"""Runs of the ledger computed again from nothing, and compared: does somebody else get these numbers?"""

import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iai.study.jobs.queue import reproduce
from iai.study.jobs.runs import Run, runs_root
from iai.study.ledger import records
from iai.types import UserError

STANDARD_ERRORS = 2.0
"""How far two runs of one seed may lie apart, in standard errors over tasks of their difference."""


@dataclass(frozen=True)
class Finding:
    """How a run computed again compares with its record."""

    run: Run
    identical: bool
    furthest: float
    """The largest difference of a metric after any number of steps, in its standard errors over tasks."""

    def __str__(self) -> str:
        if self.identical:
            return f"{self.run}: the same numbers, to the last digit kept"
        word = "within" if self.furthest <= STANDARD_ERRORS else "OUTSIDE"
        return f"{self.run}: {word} {STANDARD_ERRORS:g} standard errors (the furthest is {self.furthest:.2g} away)"


def verify(runs: Sequence[Run], jobs: int, device: str | None) -> list[Finding]:
    """Compute runs again in a folder that is then thrown away; `UserError` unless all are in the ledger."""
    missing = [one for one in runs if one.status() != "done"]
    if missing:
        raise UserError(f"{missing[0]} is not in the ledger, or is stale: reproduce it first")
    there = {one: records.read(records.path_of(one.key, one.profile, one.seed)) for one in runs}
    with elsewhere():
        report = reproduce(runs, jobs, float("inf"), device)
        if len(report.runs["done"]) < len(runs):
            raise UserError("not all runs could be computed again: see above")
        again = {one: records.read(records.path_of(one.key, one.profile, one.seed)) for one in runs}
    return [compare(one, there[one], again[one]) for one in runs]


@contextmanager
def elsewhere() -> Iterator[None]:
    """Ledger, checkpoints and logs in a folder that lasts as long as the block."""
    before = {name: os.environ.get(name) for name in ("IAI_RESULTS", "IAI_RUNS")}
    with tempfile.TemporaryDirectory(prefix="verify-", dir=_there(runs_root())) as folder:
        os.environ |= {"IAI_RESULTS": f"{folder}/results", "IAI_RUNS": f"{folder}/runs"}
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def _there(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def compare(one: Run, old: records.Record, new: records.Record) -> Finding:
    """What two records of one run differ in: metrics and training curve, and the baselines that both have.

    The model's numbers are the same if all digits kept are; those of baselines, which solvers fit, to five digits.
    """
    same = all(old[name] == new[name] for name in ("metrics", "curve"))
    for name in old["baselines"].keys() & new["baselines"].keys():
        mine, theirs = old["baselines"][name], new["baselines"][name]
        same = same and all(alike(mine[b], theirs[b]) for b in mine.keys() & theirs.keys())
    return Finding(one, same, furthest(old["metrics"], new["metrics"]))


def alike(one: Any, other: Any) -> bool:
    """Whether two pieces of plain data are equal, their numbers to five digits."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    both = isinstance(one, int | float) and isinstance(other, int | float)
    return math.isclose(one, other, rel_tol=1e-5) if both else one == other


def furthest(old: dict[str, Any], new: dict[str, Any]) -> float:
    """The largest difference of two tables of metrics, in standard errors of the difference of two means."""
    largest = 0.0
    for name, metrics in old.items():
        for metric, series in metrics.items():
            other = new[name][metric]
            for a, b, s, t in zip(series["mean"], other["mean"], series["se"], other["se"], strict=True):
                if a != b:
                    spread = ((s or 0) ** 2 + (t or 0) ** 2) ** 0.5
                    largest = max(largest, abs(a - b) / spread if None not in (a, b) and spread else float("inf"))
    return largest
