"""What all runs took, and what the cost chapter reads: gains of passes, loops of training, the error a time buys."""

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from iai.study.analysis.claims import gain
from iai.study.analysis.contrasts import Found
from iai.study.jobs.run import EXPERIMENTS, experiment
from iai.study.ledger import records
from iai.study.ledger.records import Missing
from iai.study.measure.passes import Case
from iai.study.registry import BUDGETS, seeds_of
from iai.study.registry.ablations import BASES

METRIC = {"linear-regression": "mse", "mnist": "error"}
"""What a family's loops are compared by."""
PEAK = 800e12
"""Operations a second of matrix products in bfloat16 on an H100-class GPU, as others measured it."""


@dataclass(frozen=True)
class Costs:
    """The costs at one profile, and what `make bench` and `make grid` measured."""

    profile: str

    @cached_property
    def grid(self) -> dict[str, Any] | None:
        """The measured passes."""
        return records.measured("passes-cpu")

    @cached_property
    def bench(self) -> dict[str, Any] | None:
        """The measured steps."""
        return records.measured("cpu")

    @property
    def groups(self) -> dict[str, dict[str, Any]]:
        """Groups of steps by name, of members by name."""
        return (self.bench or {"groups": {}})["groups"]

    def gained(self, clock: str, n: int, k: int, **how: Any) -> float | str:
        """How many times less k passes take than one, or why that is not known."""
        case = asdict(Case(points=n, **how))
        del case["points"], case["passes"]
        value = gain(self.grid, clock, n, k, **case) if self.grid else "pending"
        return "–" if value is None else value

    def megabytes(self, n: int, k: int, attention: Any) -> float | str:
        """Most memory of all passes, in MB, or why that is not known."""
        wanted = asdict(Case(points=n, passes=k, attention=attention)).items()
        found = [cell for cell in (self.grid or {"cells": []})["cells"] if wanted <= cell.items()]
        if not found:
            return "pending"
        return "does not fit" if found[0]["reason"] else found[0]["peak_bytes"] / 1e6

    def error(self, family: str, loop: str, budget: str) -> Found:
        """The validation error of a training after its last step."""
        last = 1 if loop == "one-context" else experiment(BASES[family], self.profile).objective.steps
        key = f"cost/{family}/{loop}/{budget}"
        return records.summary(key, self.profile, "validation", METRIC[family], last)

    def fact(self, family: str, loop: str, name: str, budget: str = "whole") -> Found:
        """A number that its records have beside their metrics."""
        return records.fact(f"cost/{family}/{loop}/{budget}", self.profile, name)

    def line(self, family: str, loop: str) -> list[tuple[float, float]]:
        """Mean seconds and mean error of each budget that is in the ledger."""
        both = [(self.fact(family, loop, "seconds", b), self.error(family, loop, b)) for b in BUDGETS]
        known = [(s, e) for s, e in both if not isinstance(s, Missing) and not isinstance(e, Missing)]
        return [(s.mean, e.mean) for s, e in known]

    def at(self, family: str, loop: str, moment: float) -> float:
        """The error after so many seconds, on the line between a loop's points; the last one's beyond them."""
        points = self.line(family, loop)
        if len(points) < len(BUDGETS):
            return math.nan
        when, what = np.log(points).T
        return float(np.exp(np.interp(np.log(moment), when, what)))

    def as_far(self, family: str) -> Found | str:
        """Seconds of the shortest training of many steps that has at most the mean error of one context."""
        goal = self.error(family, "one-context", "whole")
        for budget in BUDGETS:
            found = self.error(family, "pool", budget)
            for one in (found, goal):
                if isinstance(one, Missing):
                    return one
            if not isinstance(found, Missing) and not isinstance(goal, Missing) and found.mean <= goal.mean:
                return self.fact(family, "pool", "seconds", budget)
        return "not reached"

    def adapted(self, family: str, who: str, baseline: str | None, k: int) -> tuple[float, float] | None:
        """Milliseconds and error of 64 tasks after k mini-batches, or None."""
        time = self.groups.get(f"adapting to {family}, 64 tasks", {}).get(f"{baseline or who}, k = {k}")
        loop, step = ("one-context", 1) if who == "one context" else ("pool", k)
        key = f"cost/{family}/{loop}/whole"
        found = records.summary(key, self.profile, "validation", METRIC[family], step, baseline)
        return (time["median_ms"], found.mean) if time and not isinstance(found, Missing) else None


def effort(profile: str) -> dict[str, tuple[int, int, float]]:
    """By the first word of a key: runs in the ledger, runs that a profile asks for, hours of one process that took.

    Of what is missing nobody knows what it will take, so that is not in the hours.
    """
    found: dict[str, tuple[int, int, float]] = {}
    for key in EXPERIMENTS:
        there = records.records(key, profile)
        took = sum(float(record.get("job_seconds") or record["seconds"]) for record in there) / 3600
        runs, asked, hours = found.get(key.split("/")[0], (0, 0, 0.0))
        found[key.split("/")[0]] = runs + len(there), asked + seeds_of(key, profile), hours + took
    return found


def hours(operations: float, longest: float, gpus: int, share: float) -> float:
    """What some runs take at a share of the peak, the longest of them on one GPU, as all are."""
    return max(operations / gpus, longest) / (share * PEAK) / 3600
