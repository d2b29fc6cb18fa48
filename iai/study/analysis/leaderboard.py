"""Learners of all kinds on the same tasks and mini-batches: which there are, their errors, and what they cost."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from iai.study.analysis import trials
from iai.study.analysis.contrasts import best
from iai.study.ledger import records
from iai.study.ledger.statistics import Found, Missing, Summary
from iai.study.measure.cost import planned
from iai.study.registry import experiment
from iai.study.registry.baselines import COMPETE, ROWS
from iai.study.registry.families import TABLES
from iai.study.registry.sizes import Profile
from iai.study.registry.trials import taken

Kind = Literal["iterative", "learned", "classical", "oracle"]
"""Kinds of learners; an oracle knows the noise and the prior, and so does not compete."""
TRAINED: tuple[Kind, ...] = ("iterative", "learned")
"""Those whose training costs something."""
Cost = Literal["training", "adapting"]
SIGNALS = {"data": "data", "grad": "gradients", "grad+data": "both"}
"""Signals in words."""
LEARNED = {
    "MAML": "maml",
    "learned optimizer": "lstm",
    "attentive CNP": "attentive-cnp",
    "one context": "one-context",
    "one context, longer": "one-context-longer",
}
"""Learned baselines, by the last word of their keys; a family has those of `registry.baselines.ROWS`."""
CLASSICAL = {
    "SGD": "sgd",
    "Adam": "adam",
    "Adam, ten passes": "adam-10-passes",
    "L-BFGS": "l-bfgs",
    "5 nearest neighbours": "neighbours",
    "logistic regression": "logistic",
    "nearest class mean": "centroids",
    "no inputs": "mean",
}
"""Classical learners, by their names in records; "no inputs" is the mean, or the most frequent label."""
ORACLES = {"ridge, noise known": "ridge", "memoryless bound": "memoryless"}
"""Learners of linear regression that know its noise and its prior."""
ELSEWHERE = {"logistic": ("mnist", "features"), "centroids": ("features",)}
"""The families that have a baseline, where not all have it."""


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """All learners of one family of tasks, with their results and costs at one profile."""

    family: str
    profile: Profile

    @property
    def metric(self) -> str:
        """The metric that they are compared by."""
        return "mse" if self.family == "linear-regression" else "error"

    @cached_property
    def groups(self) -> dict[Kind, dict[str, str]]:
        """Label to row, `key` or `key|baseline`, of the learners of each kind."""
        trained = {label: f"baseline/{self.family}/{name}" for label, name in LEARNED.items()}
        known = {label: name for label, name in CLASSICAL.items() if self.family in ELSEWHERE.get(name, COMPETE)}
        oracles = ORACLES if self.family == "linear-regression" else {}
        own = f"{COMPETE[self.family]}|"
        return {
            "iterative": iterative(self.family),
            "learned": {label: key for label, key in trained.items() if key in ROWS},
            "classical": {label: own + name for label, name in known.items()},
            "oracle": {label: own + name for label, name in oracles.items()},
        }

    def rows(self, *kinds: Kind) -> dict[str, str]:
        """Label to row of all learners of some kinds, by default of all."""
        return {label: row for kind in kinds or self.groups for label, row in self.groups[kind].items()}

    def score(self, label: str, evaluation: str, k: int) -> Found:
        """The error of a learner after k mini-batches."""
        return records.summary(self.rows()[label], self.profile, evaluation, self.metric, k)

    def scores(self, evaluation: str, k: int, *kinds: Kind) -> dict[str, Found]:
        """The errors of all learners of some kinds, by default of all but oracles."""
        wanted = kinds or ("iterative", "learned", "classical")
        return {label: self.score(label, evaluation, k) for label in self.rows(*wanted)}

    @cached_property
    def adapting(self) -> dict[str, float]:
        """Recorded operations to adapt to ten mini-batches of one task and answer its queries; nan if not counted.

        There is no entry while there is no record.
        """
        found = dict[str, float]()
        for label, row in self.rows().items():
            key, _, baseline = row.partition("|")
            for record in records.records(key, self.profile)[:1]:
                costs = record.get("baseline_costs", {}).get(baseline, {})  # an older record may have none
                flops = costs.get("flops") if baseline else record.get("adapt_flops")
                found[label] = math.nan if flops is None else flops
        return found

    @cached_property
    def training(self) -> dict[str, float]:
        """Floating-point operations of all that is trained, planned where there is no record."""
        found = dict[str, float]()
        for label, key in self.rows(*TRAINED).items():
            ran = records.fact(key, self.profile, "flops")
            found[label] = ran.mean if isinstance(ran, Summary) else float(planned(experiment(key, self.profile)))
        return found

    def operations(self, label: str, cost: Cost) -> float:
        """Floating-point operations to adapt, or of the whole training; nan where they are not counted."""
        return (self.training if cost == "training" else self.adapting).get(label, math.nan)

    def scores_within(self, reference: str, cost: Cost, evaluation: str, k: int) -> dict[str, Found]:
        """Scores of the learners whose training, or adapting, takes no more operations than that of a reference.

        For training, only learners that are trained count. Learners whose operations are not counted are left out;
        pending ones stay, as their costs are not known yet.
        """
        limit, found = self.operations(reference, cost), {}
        for label, score in self.scores(evaluation, k, *(TRAINED if cost == "training" else ())).items():
            pending = cost == "adapting" and label not in self.adapting and isinstance(score, Missing)
            if pending or self.operations(label, cost) <= limit:
                found[label] = score
        return found

    def selected_rows(self) -> dict[str, str]:
        """One row a regime, for figures: the signal with the least validation loss in its trials at `small`."""
        rows, found = self.groups["iterative"], {}
        losses = {label: trials.trials(key)[taken(key, "small")] for label, key in rows.items()}
        for regime, _ in TABLES.values():
            those = {label: loss for label, loss in losses.items() if label.startswith(regime)}
            label = best(those, skip_missing=True) or next(iter(those))
            found[label] = rows[label]
        return found


def iterative(family: str) -> dict[str, str]:
    """Label to key of a family's rows of Tables 2 to 4."""
    keys = {}
    for table, (regime, signals) in TABLES.items():
        for kind in signals:
            label = regime if regime == "implicit" else f"{regime}, {SIGNALS[kind]}"
            keys[label] = f"features/{regime}/{kind}" if family == "features" else f"{table}/{family}/{kind}"
    return keys
