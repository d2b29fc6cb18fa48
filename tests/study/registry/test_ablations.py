"""Ablations: a key changes what its name says, and nothing else, of a row."""

from typing import Any

import pytest

from iai.experiment import to_json
from iai.study.registry import EXPERIMENTS, ablations, experiment
from iai.study.registry.ablations import BASES
from iai.study.registry.families import defaults
from iai.study.registry.sizes import PROFILES, Profile
from iai.study.registry.trials import SELECTED

CHANGED = {
    "update": {"refiner.update"},
    "size": {"refiner.width", "refiner.feedforward"},
    "steps": {"objective.steps", "objective.tasks"},
    "split": {"objective.steps", "objective.points", "objective.tasks", "evaluation", "train"},
    "reuse": {"evaluation_sets"},
    "in-turn": {"evaluation_sets", "evaluation.steps", "objective.task"},
    "laws": {"objective.task.distinct_laws", "evaluation_sets.seen-laws"},
    "unrolled": {"train.updates", "objective.type", "objective.window", "objective.turns", "objective.detach"},
    "memory": {"memory", "train.updates", "objective.type", "objective.window", "objective.turns", "objective.detach"},
    "dimension": {"objective", "evaluation", "evaluation_sets", "signal.kind", "theta", "refiner", "train.updates"},
    "mask": {"refiner.mask", "evaluation.contexts", "objective.random_contexts", "train.capture"},
    "points": {"objective.points", "evaluation.points"},
    "state": {"space"},
    "history": {"signal.history"},
    "theta": {"theta"},
}
"""The only places where a key of this name may differ from what it starts from."""
ROWS = {
    "points/mnist": "table4/mnist/data",
    "reuse/mnist": "table4/mnist/data",
    "state/mnist": "table4/mnist/data",
    "history/linear-regression": "table2/linear-regression/grad+data",
    "history/mnist": "table2/mnist/grad",
    "theta/linear-regression": "table2/linear-regression/data",
    "theta/mnist": "table2/mnist/data",
    "in-turn/mnist/data": "table4/mnist/data",
    "in-turn/mnist/grad": "table2/mnist/grad",
    "steps/mnist": "table4/mnist/data",
    "memory/10": "residual/linear-regression/parametric/residual",
    "memory/32": "dimension/32/residual",
    "mask/linear-regression": "table2/linear-regression/data",
    "mask/mnist": "table4/mnist/data",
    "laws/mnist": "table4/mnist/data",
}


def origin(key: str, profile: Profile) -> Any:
    """What the key starts from: a row with its own settings, or before its trials."""
    for start, row in ROWS.items():
        if key.startswith(start):
            return experiment(row, profile)
    return defaults(BASES["linear-regression"], profile)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Plain data by the path to each value."""
    if not isinstance(value, dict):
        return {path: value}
    return {k: v for name, entry in value.items() for k, v in leaves(entry, f"{path}.{name}").items()}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("key", ablations.experiments("smoke"))
def test_a_key_changes_what_its_name_says_alone(key: str, profile: Profile) -> None:
    ours, theirs = (leaves(to_json(e)) for e in (experiment(key, profile), origin(key, profile)))
    differ = {path[1:] for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
    allowed = CHANGED[key.split("/")[0]] | ({"train.lr", "train.matrix_lr"} if key in SELECTED else set())
    assert {path for path in differ if not any(path == a or path.startswith(f"{a}.") for a in allowed)} == set()


def test_one_split_has_as_many_observations_as_another() -> None:
    for steps in (5, 20):
        objective = experiment(f"split/linear-regression/{steps}", "small").objective
        assert (objective.steps, objective.points * objective.steps) == (steps, 100)


def test_one_split_shows_about_as_many_tokens_in_training_as_another() -> None:
    def tokens(key: str) -> float:
        made = experiment(key, "small")
        return made.train.updates * made.objective.tasks * (made.objective.points + 1)

    expected = tokens(BASES["linear-regression"])
    for steps in (5, 20):
        assert tokens(f"split/linear-regression/{steps}") == pytest.approx(expected, rel=0.01)


def test_every_key_is_in_the_registry() -> None:
    assert ablations.experiments("smoke").keys() <= EXPERIMENTS.keys()
