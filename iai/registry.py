"""Every experiment of the book, keyed by paper table, in three sizes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from iai import results
from iai.configs import Experiment
from iai.rows import CHOOSING, PROFILES, ROWS, SECONDS, Profile, alternatives, centre, chosen, with_refiner
from iai.tasks import Images

__all__ = ["PROFILES", "SECONDS", "Profile"]

SEEDS = {"smoke": 1, "cpu": 3, "gpu": 5}
"""Seeds that a profile asks for."""


def seeds_of(key: str, profile: str) -> int:
    """Seeds that a profile asks for of a key; trials decide settings at `cpu` alone, and on fewer seeds."""
    if not key.startswith("choice/") or profile == "smoke":
        return SEEDS[profile]
    # Runs of one explicit model of regression can differ several-fold: two of them would choose by luck.
    return 0 if profile == "gpu" else 4 if key.startswith("choice/table3/linear-regression") else 2


def with_one_step(experiment: Experiment) -> Experiment:
    """The model that the paper compares with: trained on one step, given the same points a step."""
    return replace(experiment, objective=replace(experiment.objective, steps=1))


def _tables() -> dict[str, Callable[[Profile], Experiment]]:
    """All keys of the paper's Tables 2 to 4, in the order in which they are most wanted."""
    found: dict[str, Callable[[Profile], Experiment]] = {row: partial(chosen, row) for row in ROWS}
    return found | {f"{row}-1-step": partial(_chosen_one_step, row) for row in ROWS}


def _chosen_one_step(row: str, profile: Profile) -> Experiment:
    return with_one_step(chosen(row, profile))


def _start(row: str, profile: Profile, **changes: Any) -> Experiment:
    return _half(with_refiner(centre(row, profile), **changes))


def _token_scale() -> dict[str, Callable[[Profile], Experiment]]:
    """What the start of the encoders and of attention is worth: chapter 3."""
    images = partial(_start, "table4/mnist/data")
    regression = partial(_start, "table2/linear-regression/data")
    return {
        "token-scale/mnist/matched": images,
        "token-scale/mnist/mixed": partial(images, apart=0.0),
        "token-scale/mnist/untied": partial(images, tied=0.0),
        "token-scale/mnist/unmatched": partial(images, apart=0.0, matched=False),
        "token-scale/linear-regression/product": partial(regression, bilinear=True),
        "token-scale/linear-regression/no-product": partial(regression, bilinear=False),
    }


def _points() -> dict[str, Callable[[Profile], Experiment]]:
    """What the number of images a step does to the gain from steps: chapter 6."""

    def make(points: int, profile: Profile) -> Experiment:
        whole = chosen("table4/mnist/data", profile)
        objective = replace(whole.objective, points=points)
        return replace(whole, objective=objective, evaluation=replace(whole.evaluation, points=points))

    return {f"points/mnist/{points}": partial(make, points) for points in (16, 64)}


def trial(row: str, name: str, profile: Profile) -> Experiment:
    """A row as it is tried: half the updates, judged by tasks that neither train nor appear in any table."""
    experiment = _half(alternatives(row)[name](centre(row, profile)))
    task = experiment.task
    if isinstance(task, Images):
        task = replace(task, split="validation")
    evaluation = replace(experiment.evaluation, steps=experiment.objective.steps, seed=CHOOSING)
    return replace(experiment, evaluation_sets={"validation": task}, evaluation=evaluation)


def _trials() -> dict[str, Callable[[Profile], Experiment]]:
    return {f"choice/{row}/{name}": partial(trial, row, name) for row in ROWS for name in alternatives(row)}


def _half(experiment: Experiment) -> Experiment:
    """The same with half the updates."""
    return replace(experiment, train=replace(experiment.train, updates=experiment.train.updates // 2))


EXPERIMENTS = _tables() | _token_scale() | _points() | _trials()


def experiment(key: str, profile: str) -> Experiment:
    """The experiment of a key at a profile; an unknown one is a `UserError` with the near matches."""
    if key not in EXPERIMENTS:
        raise results.unknown("key", key, EXPERIMENTS)
    if profile not in PROFILES:
        raise results.unknown("profile", profile, PROFILES)
    return EXPERIMENTS[key](profile)
