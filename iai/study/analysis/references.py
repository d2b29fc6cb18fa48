"""References by which prose, chapters and claims name a number of the ledger."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from iai.evaluation import generation
from iai.losses import METRICS
from iai.study.analysis.contrasts import ratio
from iai.study.ledger import records
from iai.study.ledger.records import unknown
from iai.study.ledger.statistics import Found, Missing
from iai.study.registry import experiment
from iai.types import UserError


@dataclass(frozen=True)
class Reference:
    """[profile:]key:set:metric:k[:format]; the metric `ridge/mse` is a baseline's, the k `10/1` a ratio of steps."""

    profile: str
    key: str
    evaluation: str
    metric: str
    k: str
    spec: str

    @classmethod
    def parse(cls, text: str, profile: str) -> "Reference":
        """Read a reference; keys have a "/" and profiles have none. `UserError` unless it names a key and a profile."""
        fields = text.split(":")
        if "/" not in fields[0]:
            profile = fields.pop(0)
        if len(fields) not in (4, 5):
            raise UserError(f"{text!r} is no [profile:]key:set:metric:k[:format]")
        reference = cls(profile, *fields[:4], *(fields[4:] or [".3g"]))
        experiment(reference.key, profile)
        return reference

    def look_up(self) -> Found:
        """The result over seeds, or why there is none; `UserError` on what no run of the key can have."""
        *baseline, metric = self.metric.split("/")
        written = self.k.split("/")
        if len(written) > 2 or not all(map(str.isdecimal, written)):
            raise UserError(f"k is {self.k!r}: write a number of steps, or two as 10/1")
        if len(baseline) > 1:
            raise UserError(f"the metric is {self.metric!r}: write one, or a baseline's as ridge/mse")
        steps = [int(k) for k in written]
        self.check(metric, steps)
        row = "|".join([self.key, *baseline])
        found = [records.summary(row, self.profile, self.evaluation, metric, k) for k in steps]
        return found[0] if len(found) == 1 else ratio(*found)

    def check(self, metric: str, steps: list[int]) -> None:
        """`UserError` on an evaluation set, a metric or a step that no run of the key can have."""
        chosen = experiment(self.key, self.profile)
        if self.evaluation not in chosen.evaluation_sets:
            raise unknown(f"evaluation set of {self.key}", self.evaluation, chosen.evaluation_sets)
        task, evaluation = chosen.evaluation_sets[self.evaluation], chosen.evaluation
        reported: dict[str, Sequence[int]] = dict.fromkeys(METRICS[task.loss], range(evaluation.steps + 1))
        if evaluation.generation_tasks:
            reported |= dict.fromkeys(generation.metrics_of(task), generation.ASKED)
        if evaluation.contexts:
            reported |= {f"{name}_by_points": evaluation.contexts for name in METRICS[task.loss]}
        if metric not in reported:
            raise unknown(f"metric of {self.key}", metric, reported)
        if not set(steps) <= set(reported[metric]):
            unit = "points" if metric.endswith("_by_points") else "steps"
            every = isinstance(reported[metric], range)
            shown = f"0 to {evaluation.steps}" if every else ", ".join(map(str, reported[metric]))
            raise UserError(f"{metric} of {self.key} is reported after {shown} {unit}, not after {max(steps)}")


def tip(found: Found, spec: str) -> str:
    """Profile, seeds, interval and commit of a number, or why there is none."""
    if isinstance(found, Missing):
        return found.reason
    low, high = found.interval
    seeds = ", ".join(map(str, found.seeds))
    over = "" if math.isnan(low) else f" · 95 % interval over {found.source}: {low:{spec}} to {high:{spec}}"
    plural = "s" if len(found.seeds) > 1 else ""
    return f"{found.profile} · seed{plural} {seeds}{over} · commit {', '.join(found.commits)}"
