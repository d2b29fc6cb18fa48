"""Runs of the ledger computed again from nothing, and compared: does somebody else get these numbers?"""

import json
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
from iai.experiments import EXPERIMENTS, experiment
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

    def __str__(self) -> str:
        if self.identical:
            return f"{self.run}: the same numbers, to the last digit kept"
        word = "within" if self.furthest <= STANDARD_ERRORS else "OUTSIDE"
        return f"{self.run}: {word} {STANDARD_ERRORS:g} standard errors (the furthest is {self.furthest:.2g} away)"


def kinds(profile: str) -> list[Run]:
    """The first recorded run of every kind: task, regime, signals, objective, one step or many."""
    found: dict[tuple[Any, ...], Run] = {}
    for key in EXPERIMENTS:
        for record in results.records(key, profile):
            one = Run(key=key, profile=profile, seed=record["seed"])
            if record["config_hash"] == one.expected:
                found.setdefault(kind(key, profile), one)
    return list(found.values())


def kind(key: str, profile: str) -> tuple[Any, ...]:
    """What decides which code a run takes."""
    chosen = experiment(key, profile)
    types = type(chosen.task).__name__, type(chosen.objective).__name__
    refiner, many = chosen.refiner, chosen.objective.steps > 1
    return (*types, type(refiner).__name__, chosen.regime, chosen.signal, chosen.space, refiner.mask, many)


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
    """What two records of one run differ in: metrics, the baselines that both have, the training curve."""
    both = old["baselines"].keys() & new["baselines"].keys()
    common = {name: old["baselines"][name].keys() & new["baselines"][name].keys() for name in both}

    def numbers(record: results.Record) -> dict[str, Any]:
        baselines = {
            name: {b: record["baselines"][name][b] for b in sorted(common[name])} for name in sorted(both)
        }
        return {"metrics": record["metrics"], "baselines": baselines, "curve": record["curve"]}

    return Finding(one, numbers(old) == numbers(new), furthest(old["metrics"], new["metrics"]))


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


def accept(findings: Sequence[Finding], profile: str) -> str:
    """Note that today's sources compute what older records hold: only if every kind of run was the same."""
    wanted = {kind(one.key, profile) for one in kinds(profile)}
    same = [finding.run for finding in findings if finding.identical]
    if len(same) < len(findings) or wanted - {kind(one.key, profile) for one in same}:
        raise UserError("only where a run of every kind gives the same numbers: verify without a pattern")
    records = [results.read(results.path_of(one.key, one.profile, one.seed)) for one in same]
    now, before = results.sources_hash(), {provenance.original(record["sources_hash"]) for record in records}
    others = sorted(before - {provenance.original(now)})
    if others:
        entry = {
            "same_as": others,
            "runs": [str(one) for one in same],
            "torch": torch.__version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        known = provenance.verified() | {now: entry}
        replace_file(provenance.VERIFIED, (json.dumps(known, indent=1) + "\n").encode())
        provenance.verified.cache_clear()
    return f"sources {now} compute what {', '.join(others) or now} did: noted in {provenance.VERIFIED.name}"
