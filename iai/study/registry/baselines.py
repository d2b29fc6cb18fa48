"""Learned baselines of the literature on the tasks and mini-batches of rows: what is trained, and what was tried."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from iai.baselines.learned import (
    AttentiveCNPConfig,
    CNPConfig,
    HypernetworkConfig,
    LearnedBaselineConfig,
    LSTMConfig,
    MAMLConfig,
    ReptileConfig,
)
from iai.experiment import BaselineExperiment, Experiment
from iai.study.registry.families import features
from iai.study.registry.tables import Profile, for_updates, half, judged_as_trial, with_rate
from iai.study.registry.tables import chosen as chosen_row
from iai.training.loop import TrainConfig
from iai.training.objectives import EndToEnd

COMPETE: dict[str, Callable[[Profile], Experiment]] = {
    "linear-regression": partial(chosen_row, "table2/linear-regression/data"),
    "mnist": partial(chosen_row, "table4/mnist/data"),
    "features": partial(features, "implicit", "data"),
}
"""The row of a family whose tasks, mini-batches and judges its learned baselines share."""

NAMES = ("maml", "reptile", "cnp", "attentive-cnp", "hypernetwork", "lstm")
CONTEXTS = {"one-context": 1.0, "one-context-longer": 2.0}
"""The row's own 1-step model with all observations in one context, and its tokens in training over the row's."""
ROWS = tuple(f"baseline/{family}/{name}" for family in COMPETE for name in (*NAMES, *CONTEXTS))
"""The keys of all learned baselines."""
TRIED = tuple(row for row in ROWS if not row.endswith("-longer"))
"""Those that settings are chosen for; a longer training has those of the shorter one."""

CHOSEN: dict[str, str] = {
    "baseline/linear-regression/maml": "lr-third",
    "baseline/linear-regression/reptile": "inner-double",
    "baseline/linear-regression/hypernetwork": "lr-triple",
    "baseline/linear-regression/lstm": "lr-triple",
    "baseline/linear-regression/one-context": "lr-triple",
    "baseline/mnist/reptile": "lr-third",
    "baseline/mnist/cnp": "lr-third",
    "baseline/mnist/attentive-cnp": "lr-triple",
    "baseline/mnist/lstm": "lr-triple",
    "baseline/mnist/one-context": "lr-triple",
    "baseline/features/maml": "lr-third",
    "baseline/features/reptile": "inner-double",
    "baseline/features/attentive-cnp": "lr-triple",
    "baseline/features/hypernetwork": "lr-triple",
    "baseline/features/lstm": "lr-ninefold",
    "baseline/features/one-context": "lr-triple",
}
"""The trial that a baseline's settings at `cpu` come from, if not "centre": the ledger's best on validation tasks."""

TRAINING: dict[str, dict[str, tuple[int, int, float]]] = {
    "linear-regression": {
        "maml": (60, 3000, 1e-2),
        "reptile": (60, 3000, 1e-2),
        "cnp": (30, 4000, 3e-3),
        "attentive-cnp": (20, 3000, 3e-3),
        "hypernetwork": (30, 5000, 3e-3),
        "lstm": (30, 3000, 1e-2),
    },
    "mnist": {
        "maml": (16, 600, 1e-2),
        "reptile": (16, 900, 1e-2),
        "cnp": (16, 1500, 3e-3),
        "attentive-cnp": (8, 1500, 3e-3),
        "hypernetwork": (16, 1800, 3e-3),
        "lstm": (8, 500, 1e-2),
    },
    "features": {
        "maml": (20, 900, 1e-2),
        "reptile": (20, 1500, 1e-2),
        "cnp": (20, 1800, 3e-3),
        "attentive-cnp": (10, 1600, 3e-3),
        "hypernetwork": (20, 1800, 3e-3),
        "lstm": (10, 300, 1e-2),
    },
}
"""Tasks an update, updates and learning rate of the centre at `cpu`: about 40 s on a core that does nothing else.

MAML and Reptile take a third of that: the loss of their trials does not depend on the outer rate any more.
"""
INNER_RATE = {"linear-regression": 0.1, "mnist": 0.5, "features": 0.5}
"""Of gradient descent at first (MAML), or for good (Reptile)."""


def learner(family: str, name: str, profile: Profile) -> LearnedBaselineConfig:
    """The model of a baseline."""
    width = {"smoke": 32, "cpu": 128, "gpu": 256}[profile]
    rate = INNER_RATE[family]
    models: dict[str, LearnedBaselineConfig] = {
        "maml": MAMLConfig(rate=rate),
        "reptile": ReptileConfig(rate=rate),
        "cnp": CNPConfig(width=width),
        "attentive-cnp": AttentiveCNPConfig(width=width),
        "hypernetwork": HypernetworkConfig(width=width),
        "lstm": LSTMConfig(),
    }
    return models[name]


def defaults(row: str, profile: Profile) -> Experiment | BaselineExperiment:
    """A baseline before anything was tried."""
    _, family, name = row.split("/")
    against = COMPETE[family](profile)
    if name in CONTEXTS:
        evaluation = replace(against.evaluation, one_context=True)
        return replace(in_one_context(against, CONTEXTS[name]), evaluation=evaluation)
    shared = against.objective
    tasks, updates, lr = TRAINING[family][name]
    tasks, updates = {
        "smoke": (shared.tasks, 150),
        "cpu": (tasks, updates),
        "gpu": (shared.tasks, 10_000),
    }[profile]
    return BaselineExperiment(
        learner=learner(family, name, profile),
        objective=EndToEnd(
            task=shared.task,
            tasks=tasks,
            steps=shared.steps,
            points=shared.points,
            queries=shared.queries,
            all_steps=name == "lstm",
        ),
        evaluation_sets=against.evaluation_sets,
        evaluation=against.evaluation,
        train=TrainConfig(updates=updates, lr=lr, precision="float32"),
    )


def in_one_context(whole: Experiment, tokens: float) -> Experiment:
    """The 1-step model of all observations of a task in one context, for so many times the tokens of the row."""
    pool, slots = whole.objective, whole.objective.queries if whole.regime == "implicit" else 1
    points = pool.points * pool.steps
    updates = tokens * whole.train.updates * (pool.points + slots) / (points + slots)
    return replace(
        whole,
        objective=replace(pool, steps=1, points=points, growth=0.0),
        train=for_updates(whole.train, updates),
    )


Change = Callable[[Any], Experiment | BaselineExperiment]


def alternatives(row: str) -> dict[str, Change]:
    """What is tried on validation tasks for a baseline; ties go to the first."""
    changes: dict[str, Change] = {
        "centre": lambda e: e,
        "lr-triple": partial(with_rate, factor=3.0),
        "lr-third": partial(with_rate, factor=1 / 3),
    }
    if not row.endswith(("/maml", "/reptile")):  # the best rate lay at the end of the grid
        changes["lr-ninefold"] = partial(with_rate, factor=9.0)
    if row.endswith("/reptile"):
        changes["inner-double"] = partial(_with_inner_rate, factor=2.0)
        changes["inner-triple"] = partial(_with_inner_rate, factor=3.0)
        changes["inner-third"] = partial(_with_inner_rate, factor=1 / 3)
    return changes


def _with_inner_rate(contest: BaselineExperiment, factor: float) -> BaselineExperiment:
    assert isinstance(contest.learner, ReptileConfig)
    return replace(contest, learner=replace(contest.learner, rate=factor * contest.learner.rate))


def trial(row: str, name: str, profile: Profile) -> Experiment | BaselineExperiment:
    """A baseline as it is tried: half the updates, judged at the row's last step, on tasks that no table shows."""
    steps = COMPETE[row.split("/")[1]](profile).objective.steps
    return judged_as_trial(half(alternatives(row)[name](defaults(row, profile))), steps)


def selected(row: str, profile: str) -> str:
    """The alternative whose settings a baseline trains with; a longer training has those of the shorter one."""
    return CHOSEN.get(row.removesuffix("-longer"), "centre") if profile == "cpu" else "centre"


def chosen(row: str, profile: Profile) -> Experiment | BaselineExperiment:
    """A baseline with its own settings."""
    return alternatives(row)[selected(row, profile)](defaults(row, profile))
