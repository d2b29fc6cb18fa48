"""How prose and chapters name a number of the ledger, and what they then get."""

import math
from dataclasses import dataclass

from iai.evaluation import generation
from iai.losses import METRICS
from iai.study.analysis.contrasts import ratio
from iai.study.jobs.run import EXPERIMENTS, PROFILES, experiment
from iai.study.ledger import records
from iai.study.ledger.records import Missing, Summary
from iai.types import UserError


@dataclass(frozen=True)
class Reference:
    """[profile:]key:set:metric:k[:format]; the metric `ridge/mse` is a baseline's, the k `10/1` a ratio."""

    profile: str
    key: str
    evaluation: str
    metric: str
    k: str
    spec: str

    @classmethod
    def parse(cls, text: str, profile: str) -> "Reference":
        """Read a reference; keys have a "/" and profiles have none. `UserError` on a wrong number of fields."""
        fields = text.split(":")
        if "/" not in fields[0]:
            profile = fields.pop(0)
        if len(fields) not in (4, 5):
            raise UserError(f"{text!r} is no [profile:]key:set:metric:k[:format]")
        reference = cls(profile, *fields[:4], *(fields[4:] or [".3g"]))
        for what, name, known in (("profile", profile, PROFILES), ("key", reference.key, EXPERIMENTS)):
            if name not in known:
                raise records.unknown(what, name, known)
        return reference

    def look_up(self) -> Summary | Missing:
        """The result over seeds, or why there is none."""
        *baseline, metric = self.metric.split("/")
        try:
            steps = [int(k) for k in self.k.split("/")]
        except ValueError:
            steps = []
        if len(steps) not in (1, 2):
            raise UserError(f"k is {self.k!r}: write a number of steps, or two as 10/1")
        if len(baseline) > 1:
            raise UserError(f"the metric is {self.metric!r}: write one, or a baseline's as ridge/mse")
        self.check(metric, steps)
        found = [records.summary(self.key, self.profile, self.evaluation, metric, k, *baseline) for k in steps]
        return found[0] if len(found) == 1 else ratio(*found)

    def check(self, metric: str, steps: list[int]) -> None:
        """`UserError` on an evaluation set, a metric or a step that no run of the key can have."""
        chosen = experiment(self.key, self.profile)
        if self.evaluation not in chosen.evaluation_sets:
            raise records.unknown(f"evaluation set of {self.key}", self.evaluation, chosen.evaluation_sets)
        task, evaluation = chosen.evaluation_sets[self.evaluation], chosen.evaluation
        metrics = [*METRICS[task.loss], *(generation.metrics_of(task) if evaluation.generation_tasks else ())]
        by_points = [f"{name}_by_points" for name in METRICS[task.loss]] if evaluation.contexts else []
        if metric not in metrics + by_points:
            raise records.unknown(f"metric of {self.key}", metric, metrics + by_points)
        asked = generation.ASKED if metric in generation.METRICS else evaluation.contexts if metric in by_points else ()
        if asked and not set(steps) <= set(asked):
            unit = "points" if metric in by_points else "steps"
            shown = ", ".join(map(str, asked))
            raise UserError(f"{metric} of {self.key} is reported after {shown} {unit}, not after {max(steps)}")
        if not asked and max(steps) > evaluation.steps:
            raise UserError(f"{self.key} is evaluated after 0 to {evaluation.steps} steps, not after {max(steps)}")


def tip(found: Summary | Missing, spec: str) -> str:
    """Where a number comes from: profile, seeds, interval, commit; or why there is none."""
    if isinstance(found, Missing):
        return found.reason
    low, high = found.interval
    seeds = ", ".join(map(str, found.seeds))
    over = "" if math.isnan(low) else f" · 95 % interval over {found.source}: {low:{spec}} to {high:{spec}}"
    plural = "s" if len(found.seeds) > 1 else ""
    return f"{found.profile} · seed{plural} {seeds}{over} · commit {', '.join(found.commits)}"
