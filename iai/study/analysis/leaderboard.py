"""Learners of all kinds on the same tasks and mini-batches: who competes, what each one costs, who leads."""

import math
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Literal

import torch

from iai.baselines.classical import Centroids, Descent, Mean, Memoryless, Neighbours, Ridge
from iai.experiment import build
from iai.study.analysis import trials
from iai.study.analysis.contrasts import Found, best_known
from iai.study.jobs.run import experiment, learner_of
from iai.study.ledger import records
from iai.study.ledger.statistics import Missing, Summary
from iai.study.measure.cost import cost_of_adapting, planned
from iai.study.registry.baselines import COMPETE
from iai.study.registry.choices import selected
from iai.study.registry.families import TABLES
from iai.study.registry.sizes import Profile
from iai.types import Batch, Learner

Kind = Literal["iterative", "learned", "classical", "oracle"]
"""What competes; an oracle knows what no learner is told, and so does not."""
Cost = Literal["training", "adapting"]
SIGNALS = {"data": "data", "grad": "gradients", "grad+data": "both"}
"""Signals in words."""
LEARNED = {
    "MAML": "maml",
    "Reptile": "reptile",
    "learned optimizer": "lstm",
    "CNP": "cnp",
    "attentive CNP": "attentive-cnp",
    "hypernetwork": "hypernetwork",
    "one context": "one-context",
    "one context, longer": "one-context-longer",
}
"""Learned baselines, by the last word of their keys."""
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
RECENT = ("adam-10-passes", "l-bfgs")
"""Baselines that only records of learned baselines have."""
CONVERGED = ("l-bfgs", "logistic")
"""Baselines that work until they have converged, for as long as that takes on the data."""
ELSEWHERE = {"logistic": ("mnist", "features"), "centroids": ("features",)}
"""Families of baselines that not all families have."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A learner that competes: the model of `key`, or the baseline of a name on its tasks."""

    kind: Kind
    key: str
    baseline: str | None = None

    @property
    def row(self) -> str:
        """As `notebook.Chapter.steps` and `curves` take it."""
        return f"{self.key}|{self.baseline}" if self.baseline else self.key


@dataclass(frozen=True, kw_only=True)
class Field:
    """All that compete on one family of tasks, with what the ledger has of them at one profile."""

    family: str
    profile: Profile

    @property
    def metric(self) -> str:
        """What they are compared by."""
        return "mse" if self.family == "linear-regression" else "error"

    @property
    def sets(self) -> tuple[str, ...]:
        """The evaluation sets that all are judged on."""
        return tuple(experiment(COMPETE[self.family], self.profile).evaluation_sets)

    @cached_property
    def entrants(self) -> dict[str, Entry]:
        """By label: rows of iterative models, learned baselines, classical learners, oracles."""
        found = {label: Entry(kind="iterative", key=key) for label, key in iterative(self.family).items()}
        home = found["implicit"].key
        rival = f"baseline/{self.family}/"
        found |= {label: Entry(kind="learned", key=rival + name) for label, name in LEARNED.items()}
        for label, name in CLASSICAL.items():
            if self.family in ELSEWHERE.get(name, COMPETE):
                key = f"{rival}maml" if name in RECENT else home
                found[label] = Entry(kind="classical", key=key, baseline=name)
        if self.family == "linear-regression":
            found |= {label: Entry(kind="oracle", key=home, baseline=name) for label, name in ORACLES.items()}
        return found

    @property
    def fixed(self) -> set[str]:
        """Labels of learners that no seed changes."""
        return {label for label, one in self.entrants.items() if one.baseline}

    def rows(self, *kinds: Kind) -> dict[str, str]:
        """Label to row of all entrants of some kinds."""
        return {label: one.row for label, one in self.entrants.items() if one.kind in kinds}

    def score(self, label: str, evaluation: str, k: int) -> Found:
        """The error of an entrant after k mini-batches."""
        one = self.entrants[label]
        return records.summary(one.key, self.profile, evaluation, self.metric, k, one.baseline)

    def scores(self, evaluation: str, k: int, *kinds: Kind) -> dict[str, Found]:
        """The errors of all entrants of some kinds, of all but oracles by default."""
        wanted = kinds or ("iterative", "learned", "classical")
        return {label: self.score(label, evaluation, k) for label in self.rows(*wanted)}

    def training(self, label: str, name: str) -> Found | str:
        """A fact of a record about its training, such as `flops` or `seconds`; a dash where nothing is trained."""
        one = self.entrants[label]
        return "–" if one.baseline else records.fact(one.key, self.profile, name)

    @cached_property
    def adapting(self) -> dict[str, dict[str, float | None]]:
        """Operations and seconds of adapting to ten mini-batches of one task and answering all queries.

        Measured now, weights as they were before training, rates untuned; as recorded of those whose work depends on
        the data. None where PyTorch counts nothing, no entry while there is no record.
        """
        found = {}
        for label, one in self.entrants.items():
            if one.baseline not in CONVERGED:
                found[label] = measured(one, self.profile)
                continue
            for record in records.records(f"baseline/{self.family}/maml", self.profile)[:1]:
                found[label] = record["baseline_costs"][one.baseline]
        return found

    def no_dearer(self, reference: str, cost: Cost, evaluation: str, k: int) -> dict[str, Found]:
        """Scores of those whose training, or adapting, takes no more operations than that of a reference.

        Of training, it is those who have one. Whose operations are not counted is left out; of whom nothing is known
        yet, stays.
        """
        kinds: list[Kind] = ["iterative", "learned"]
        kinds += ["classical"] if cost == "adapting" else []
        limit = self.operations(reference, cost)
        scores = self.scores(evaluation, k, *kinds)
        unknown = set(scores) - set(self.adapting) if cost == "adapting" else set()
        return {
            label: score
            for label, score in scores.items()
            if self.operations(label, cost) <= limit or (label in unknown and isinstance(score, Missing))
        }

    def operations(self, label: str, cost: Cost) -> float:
        """Operations of the whole training, planned where there is no record, or of adapting; nan where not counted."""
        if cost == "adapting":
            return float(self.adapting.get(label, {}).get("flops") or math.nan)
        found = self.training(label, "flops")
        if isinstance(found, Missing):
            return _planned(self.entrants[label].key, self.profile)
        return found.mean if isinstance(found, Summary) else math.nan

    def shown(self) -> dict[str, str]:
        """One row a regime, for figures: the one whose settings had the least validation loss in their trials.

        Features have no trials: there it is the signal that images chose.
        """
        judges = iterative("mnist" if self.family == "features" else self.family)
        own, found = iterative(self.family), dict[str, str]()
        for regime, _ in TABLES.values():
            losses = {
                label: trials.trials(key, "cpu")[selected(key, "cpu")]
                for label, key in judges.items()
                if label.startswith(regime)
            }
            label = best_known(losses) or next(iter(losses))
            found[label] = own[label]
        return found


def iterative(family: str) -> dict[str, str]:
    """Label to key of a family's rows of Tables 2 to 4."""
    keys = {}
    for table, (regime, signals) in TABLES.items():
        for kind in signals:
            label = regime if regime == "implicit" else f"{regime}, {SIGNALS[kind]}"
            keys[label] = f"features/{regime}/{kind}" if family == "features" else f"{table}/{family}/{kind}"
    return keys


def measured(one: Entry, profile: str, steps: int = 10) -> dict[str, float | None]:
    """Operations and seconds, the least of three, of f(x, g(batches)) for `steps` mini-batches of made-up numbers."""
    chosen = experiment(one.key, profile)
    task, config, generator = chosen.task, chosen.evaluation, torch.Generator().manual_seed(0)

    def observations(n: int) -> Batch:
        x, y = (torch.randn(1, n, d, generator=generator) for d in (task.dx, task.dy))
        return Batch(x, torch.eye(task.dy)[y.argmax(-1)] if task.loss == "cross_entropy" else y)

    learner = untuned(one.baseline, task) if one.baseline else learner_of(build(chosen).eval(), config)
    batches = [observations(config.points) for _ in range(steps)]
    queries = observations(config.queries)
    return min((cost_of_adapting(learner, batches, queries) for _ in range(3)), key=lambda cost: cost["seconds"] or 0)


def untuned(name: str, task: Any) -> Learner:
    """A classical learner with settings that have no part in what it costs."""
    classify = task.loss == "cross_entropy"
    descent = Descent(decode=task.decode, loss=task.loss, theta_shape=task.theta_shape)
    known: dict[str, Any] = {
        "noise_variance": getattr(task, "noise_variance", 1.0),
        "bias": getattr(task, "bias", True),
    }
    learners: dict[str, Learner] = {
        "sgd": descent,
        "adam": replace(descent, optimizer="adam"),
        "adam-10-passes": replace(descent, optimizer="adam", passes=10),
        "neighbours": Neighbours(dy=task.dy, classify=classify),
        "centroids": Centroids(dy=task.dy),
        "mean": Mean(dy=task.dy, classify=classify),
        "ridge": Ridge(**known),
        "memoryless": Memoryless(**known),
    }
    return learners[name]


@cache
def _planned(key: str, profile: str) -> float:
    return float(planned(experiment(key, profile)))
