"""Runs of the ledger computed again from nothing, and compared: does somebody else get these numbers?"""

import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from iai.study.jobs.queue import reproduce
from iai.study.jobs.runs import Run, runs_root
from iai.study.ledger import records
from iai.types import UserError

STANDARD_ERRORS = 2.0
"""How far two runs of one seed may differ, in standard errors over tasks of their difference."""


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
    before = read_all(runs)
    with elsewhere():
        report = reproduce(runs, jobs, math.inf, device)
        if len(report.runs["done"]) < len(runs):
            raise UserError("not all runs could be computed again: see above")
        return [compare(one, old, new) for one, old, new in zip(runs, before, read_all(runs))]


def read_all(runs: Sequence[Run]) -> list[records.Record]:
    """The records of runs."""
    return [records.read(records.path_of(one.key, one.profile, one.seed)) for one in runs]


@contextmanager
def elsewhere() -> Iterator[None]:
    """Ledger, checkpoints and logs in a folder that lasts as long as the block."""
    before, root = dict(os.environ), runs_root()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="verify-", dir=root) as folder:
        os.environ |= {"IAI_RESULTS": f"{folder}/results", "IAI_RUNS": f"{folder}/runs"}
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def compare(one: Run, old: records.Record, new: records.Record) -> Finding:
    """What two records of one run differ in: metrics and training curve, and the baselines that both have.

    The model's numbers must agree in all digits kept; those of baselines, which solvers fit, in five.
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
    pairs = [(series, new[name][metric]) for name, metrics in old.items() for metric, series in metrics.items()]
    columns = (zip(a["mean"], b["mean"], a["se"], b["se"], strict=True) for a, b in pairs)
    return max((distance(*numbers) for column in columns for numbers in column), default=0.0)


def distance(a: float | None, b: float | None, se_a: float | None, se_b: float | None) -> float:
    """|a - b| in standard errors of the difference; infinite where it has none, or one of the two is no number."""
    if a == b:
        return 0.0
    spread = math.hypot(se_a or 0.0, se_b or 0.0)
    return math.inf if a is None or b is None or not spread else abs(a - b) / spread
