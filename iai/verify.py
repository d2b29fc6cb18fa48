"""Runs of the ledger computed again from nothing, and compared: does somebody else get these numbers?"""

import json
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from iai import provenance, results
from iai.checkpoint import replace_file
from iai.configs import Contest
from iai.experiments import EXPERIMENTS, PROFILES, experiment
from iai.jobs import Run, runs_root
from iai.reproduce import reproduce
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
    sources: str = ""
    """What computed it again."""

    def __str__(self) -> str:
        if self.identical:
            return f"{self.run}: the same numbers, to the last digit kept"
        word = "within" if self.furthest <= STANDARD_ERRORS else "OUTSIDE"
        return f"{self.run}: {word} {STANDARD_ERRORS:g} standard errors (the furthest is {self.furthest:.2g} away)"


Kind = tuple[Any, ...]


def kinds(profile: str) -> dict[Kind, Run]:
    """The shortest recorded run of every kind, for each of the sources that made records."""
    found: dict[Kind, tuple[float, Run]] = {}
    for key in EXPERIMENTS:
        for record in results.records(key, profile):
            one = Run(key=key, profile=profile, seed=record["seed"])
            if record["config_hash"] == one.expected:
                which = (*kind(key, profile), provenance.original(record["sources_hash"]))
                found.setdefault(which, (record["seconds"], one))
                found[which] = min(found[which], (record["seconds"], one), key=lambda pair: pair[0])
    return {which: one for which, (_, one) in found.items()}


def older(profile: str) -> dict[Kind, Run]:
    """Those of `kinds` whose record is of other sources than today's."""
    now = provenance.original(results.sources_hash())
    return {which: one for which, one in kinds(profile).items() if which[-1] != now}


def kind(key: str, profile: str) -> Kind:
    """What decides which code a run takes: types, regime, and every habit that is a choice and not a size."""
    chosen = experiment(key, profile)
    if isinstance(chosen, Contest):
        made = (chosen.task, chosen.objective, chosen.learner)
        return (profile, *(type(part).__name__ for part in made), *laws(chosen.task), chosen.train.precision)
    task, objective, refiner = chosen.task, chosen.objective, chosen.refiner
    parts = [type(part).__name__ for part in (task, objective, refiner)]
    # What an objective does with its only step does not depend on the signal, which it never sees.
    signal = chosen.signal if objective.steps > 1 else None
    habits: Kind = (chosen.regime, signal, chosen.theta, chosen.space, chosen.train.precision)
    habits += (
        refiner.mask,
        refiner.update,
        refiner.bilinear,
        refiner.matched,
        refiner.tied > 0,
        refiner.apart > 0,
    )
    through_time, evaluation = getattr(objective, "window", 0) > 1, chosen.evaluation
    judged = (evaluation.one_context, bool(evaluation.contexts))
    return (profile, *parts, *habits, *laws(task), through_time, *judged)


def laws(task: Any) -> Kind:
    """What of a task's law is a choice and not a size; of a task that another one reads again, of both."""
    pool, inner = getattr(task, "distinct_laws", None) is not None, getattr(task, "task", task)
    named = (getattr(task, name, None) for name in ("law", "inputs", "dataset"))
    return (*named, pool, type(inner).__name__)


def verify(runs: Sequence[Run], jobs: int, device: str | None) -> list[Finding]:
    """Compute runs again in a folder that is then thrown away; `UserError` unless all are in the ledger."""
    missing = [one for one in runs if one.status() != "done"]
    if missing:
        raise UserError(f"{missing[0]} is not in the ledger, or is stale: reproduce it first")
    if not runs:
        raise UserError("the ledger has no run that could be verified")
    there = {one: results.read(results.path_of(one.key, one.profile, one.seed)) for one in runs}
    with elsewhere():
        report = reproduce(runs, jobs, float("inf"), device)
        if len(report.done) < len(runs):
            raise UserError("not all runs could be computed again: see above")
        again = {one: results.read(results.path_of(one.key, one.profile, one.seed)) for one in runs}
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


def compare(one: Run, old: results.Record, new: results.Record) -> Finding:
    """What two records of one run differ in: metrics and training curve, and the baselines that both have.

    The model's numbers are the same if all digits kept are; those of baselines, which solvers fit, to five digits.
    """
    same = all(old[name] == new[name] for name in ("metrics", "curve"))
    for name in old["baselines"].keys() & new["baselines"].keys():
        mine, theirs = old["baselines"][name], new["baselines"][name]
        same = same and all(alike(mine[b], theirs[b]) for b in mine.keys() & theirs.keys())
    return Finding(one, same, furthest(old["metrics"], new["metrics"]), new["sources_hash"])


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
                    largest = max(
                        largest, abs(a - b) / spread if None not in (a, b) and spread else float("inf")
                    )
    return largest


def accept(findings: Sequence[Finding]) -> str:
    """Note that today's sources compute what older records hold: only if a run of every kind gave the same numbers.

    Of every kind that other sources made records of, at every profile; and computed by today's sources.
    """
    now = results.sources_hash()
    same = {finding.run for finding in findings if finding.identical and finding.sources == now}
    old = {which: one for profile in PROFILES for which, one in older(profile).items()}
    missing = [one for one in old.values() if one not in same]
    if missing or len(same) < len(findings):
        which = f" (such as {missing[0]})" if missing else ""
        raise UserError(
            f"only where a run of every kind{which} gives the same numbers: verify without a pattern"
        )
    others = sorted({which[-1] for which in old})
    if others:
        entry = {
            "same_as": others,
            "runs": sorted(map(str, same)),
            "torch": torch.__version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        known = provenance.verified() | {now: entry}
        replace_file(provenance.VERIFIED, (json.dumps(known, indent=1) + "\n").encode())
        provenance.verified.cache_clear()
    return f"sources {now} compute what {', '.join(others) or now} did: noted in {provenance.VERIFIED.name}"
