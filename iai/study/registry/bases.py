"""What ablations start from, and keys that are made of changes to it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from iai.experiment import Experiment
from iai.study.registry.tables import Profile, chosen, defaults, half, with_refiner

Make = Callable[[Profile], Experiment]
"""An experiment by profile."""
Change = Callable[[Experiment], Experiment]
"""What is changed of one."""

BASES = {"linear-regression": "table2/linear-regression/data", "mnist": "table4/mnist/data"}
"""The rows that most ablations start from, trained for half their updates: parametric, and implicit."""
BASE_KEYS = {
    "linear-regression": "token-scale/linear-regression/no-product",
    "mnist": "token-scale/mnist/matched",
}
"""The keys under which those are recorded."""


def base(family: str, profile: Profile) -> Experiment:
    """The model whose habits are changed one at a time: the settings of its family, half the updates."""
    whole = half(defaults(BASES[family], profile))
    return with_refiner(whole, bilinear=False) if family == "linear-regression" else whole


def with_objective(experiment: Experiment, **changes: Any) -> Experiment:
    """The same with some fields of its objective changed."""
    return replace(experiment, objective=replace(experiment.objective, **changes))


def from_base(family: str, change: Change, profile: Profile) -> Experiment:
    """A base, changed."""
    return change(base(family, profile))


def from_row(row: str, change: Change, profile: Profile) -> Experiment:
    """A row of the paper's tables, changed."""
    return change(chosen(row, profile))


def each(name: str, changes: Mapping[str, Mapping[str, Change]]) -> dict[str, Make]:
    """Keys `<name>/<family>/<change>` of changes to the bases."""
    return {
        f"{name}/{family}/{label}": partial(from_base, family, change)
        for family, made in changes.items()
        for label, change in made.items()
    }
