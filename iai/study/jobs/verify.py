"""Runs of the ledger computed again from nothing, and compared with their records."""

import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from iai.study.jobs.queue import reproduce
from iai.study.jobs.runs import Run, runs_root
from iai.study.ledger import records
from iai.study.ledger.schema import MODEL, means_alone, series_of
from iai.training import pick_device
from iai.types import UserError

STANDARD_ERRORS = 2.0
"""How far two runs of one seed may differ, in standard errors over tasks of their difference."""


@dataclass(frozen=True)
class Finding:
    """How a run computed again compares with its record.

    `furthest` is the largest difference of a metric after any number of steps, in its standard errors over tasks.
    """

    run: Run
    identical: bool
    furthest: float

    def __str__(self) -> str:
        if self.identical:
            return f"{self.run}: the same numbers, to the last digit kept"
        word = "within" if self.furthest <= STANDARD_ERRORS else "OUTSIDE"
        return f"{self.run}: {word} {STANDARD_ERRORS:g} standard errors (the furthest is {self.furthest:.2g} away)"


def verify(runs: Sequence[Run], jobs: int, device: str | None) -> list[Finding]:
    """Compute runs again in a folder that is then thrown away; `UserError` unless all are in the ledger."""
    if missing := [one for one in runs if one.status() != "done"]:
        raise UserError(f"{missing[0]} is not in the ledger {records.root()}, or is stale: reproduce it first")
    before = [records.read(records.path_of(*one)) for one in runs]
    pick_device(device)
    beside = runs_root() if os.access(runs_root(), os.W_OK) else None  # it only looks
    with (
        tempfile.TemporaryDirectory(prefix="verify-", dir=beside) as folder,
        patch.dict(os.environ, IAI_RESULTS=f"{folder}/results", IAI_RUNS=f"{folder}/runs"),
    ):
        if len(reproduce(runs, jobs, math.inf, device).runs["done"]) < len(runs):
            raise UserError("not all runs could be computed again: see above")
        return [compare(one, old, records.read(records.path_of(*one))) for one, old in zip(runs, before)]


def compare(one: Run, old: records.Record, new: records.Record) -> Finding:
    """What two records of one run differ in: metrics, training curve and baselines.

    The model's numbers must agree in all digits kept; those of baselines, which solvers fit, in five. A record of other
    sources may lack baselines that have come since.
    """
    if old["sources_hash"] != new["sources_hash"]:
        known = {name: table.keys() for name, table in old["baselines"].items()}
        tables = new["baselines"].items()
        kept = {name: {b: table[b] for b in table if b in known.get(name, ())} for name, table in tables}
        new = new | {"baselines": kept}
    (metrics, mine), (others, theirs) = (
        [means_alone(one[name]) for name in ("metrics", "baselines")] for one in (old, new)
    )
    same = metrics == others and old["curve"] == new["curve"] and alike(mine, theirs)
    return Finding(one, same, furthest(old, new))


def alike(one: Any, other: Any) -> bool:
    """Whether two pieces of plain data are equal, their numbers to five digits."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    both = isinstance(one, int | float) and isinstance(other, int | float)
    return math.isclose(one, other, rel_tol=1e-5) if both else one == other


def furthest(old: records.Record, new: records.Record) -> float:
    """The largest |a - b| of two records' metrics and baselines, in standard errors of the difference.

    Standard errors are those of the new record. It is infinite where a difference has none, where only one of the two
    is a number or has the series, and where the old standard error is not half to twice the new one.
    """
    mine, theirs = ({tuple(names): series for *names, series in series_of(record)} for record in (old, new))
    if mine.keys() != theirs.keys():
        return math.inf
    largest = 0.0
    for name, one in mine.items():
        rows, others = (list(zip(series["mean"], series["se"])) for series in (one, theirs[name]))
        if len(rows) != len(others):
            return math.inf
        for (a, error), (b, spread) in zip(rows, others):
            if (a == b and error == spread) or (name[1] != MODEL and alike([a, error], [b, spread])):
                continue
            if None in (a, b, error, spread) or not 0 < spread / 2 <= error <= 2 * spread:
                return math.inf
            largest = max(largest, abs(a - b) / (2**0.5 * spread))
    return largest
