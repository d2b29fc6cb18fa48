"""The classical learners, called as an amortizer is: `(batches, x) -> y_hat`, for any number of batches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from iai.baselines.classical import converged
from iai.baselines.classical.causal_order import Score, SortBy
from iai.baselines.classical.centroids import Centroids
from iai.baselines.classical.converged import Converged
from iai.baselines.classical.densities import ExpectationMaximisation, Gaussian, Kernel, densities
from iai.baselines.classical.descent import Descent, tune
from iai.baselines.classical.gravity import Planet
from iai.baselines.classical.logistic import Logistic
from iai.baselines.classical.mean import Mean
from iai.baselines.classical.neighbours import Neighbours
from iai.baselines.classical.ridge import Memoryless, Ridge
from iai.tasks import (
    CausalOrder,
    Features,
    Gravity,
    Images,
    Letters,
    LinearRegression,
    Mixture,
    Reused,
    episode,
)
from iai.types import Batch, Learner

__all__ = [
    "Centroids",
    "Converged",
    "Descent",
    "ExpectationMaximisation",
    "Gaussian",
    "Kernel",
    "Learner",
    "Logistic",
    "Mean",
    "Memoryless",
    "Neighbours",
    "Planet",
    "Ridge",
    "Score",
    "SortBy",
    "for_task",
    "tune",
]

Known = LinearRegression | Gravity | Images | Features | CausalOrder | Mixture | Letters

TUNING_SEED = 917_203
"""Seed of the tasks that learning rates are tuned on; no other code draws from it."""

MANY_PASSES_GRID = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Learning rates that are tried for ten passes over the data."""


@cache
def for_task(task: Known | Reused, points: int = 32, steps: int = 10) -> dict[str, Learner]:
    """The baselines that apply to a task, by name, with rates and penalties tuned for mini-batches of `points`.

    Tuning draws training tasks with a seed of its own, once a process, and never the tasks of an evaluation.
    """
    if isinstance(task, Reused):
        found = for_task(cast(Known, task.task), points, steps)
        return {name: one if isinstance(one, Descent) else Once(one, task.distinct) for name, one in found.items()}
    if isinstance(task, CausalOrder):
        sorts = SortBy(number="none"), SortBy(number="variance"), SortBy(number="r2")
        return dict(zip(("random-order", "sort-by-variance", "sort-by-r2", "score"), (*sorts, Score())))
    if isinstance(task, Mixture | Letters):
        return _for_population(task, points, steps)
    classify = task.loss == "cross_entropy"
    start = (task.weakest + task.strongest) / 2 if isinstance(task, Gravity) else 0.0
    descent = Descent(decode=task.decode, loss=task.loss, theta_shape=task.theta_shape, init=start)
    many = replace(descent, optimizer="adam", passes=10)
    fit = Converged(decode=task.decode, loss=task.loss, theta_shape=task.theta_shape, init=start)
    generator = torch.Generator().manual_seed(TUNING_SEED)
    batches, queries = episode(_training(task), generator, tasks=64, steps=steps, points=points, queries=32)
    fewer = [batch.tasks(slice(32)) for batch in batches], queries.tasks(slice(32))  # as these take longer
    learners: dict[str, Learner] = {
        "mean": Mean(dy=task.dy, classify=classify),
        "sgd": tune(replace(descent, optimizer="sgd"), batches, queries),
        "adam": tune(replace(descent, optimizer="adam"), batches, queries),
        "adam-10-passes": tune(many, *fewer, MANY_PASSES_GRID),
        "l-bfgs": tune(fit, *fewer, converged.GRID, "penalty"),
        "neighbours": Neighbours(dy=task.dy, classify=classify),
    }
    if isinstance(task, LinearRegression):
        learners["ridge"] = Ridge(noise_variance=task.noise_variance, bias=task.bias)
        learners["memoryless"] = Memoryless(noise_variance=task.noise_variance, bias=task.bias)
    if isinstance(task, Gravity):
        learners["bayes"] = Planet(task=task)
    if isinstance(task, Images):
        learners["logistic"] = Logistic(dy=task.dy)
    if isinstance(task, Features):
        learners["logistic"] = Logistic(dy=task.dy)
        learners["centroids"] = Centroids(dy=task.dy)
    return learners


@dataclass(frozen=True)
class Once:
    """A learner that reads every observation once, where mini-batches come again after `distinct`."""

    learner: Learner
    distinct: int

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        """What the learner answers given the different mini-batches."""
        return self.learner(batches[: self.distinct], x)


def _for_population(task: Mixture | Letters, points: int, steps: int) -> dict[str, Learner]:
    """Fitted densities and, where the likelihood is known, descent on its parameters."""
    generator = torch.Generator().manual_seed(TUNING_SEED)
    batches, queries = episode(_training(task), generator, tasks=64, steps=steps, points=points, queries=32)
    learners: dict[str, Learner] = {"mean": Mean(dy=task.dy)}
    if isinstance(task, Mixture):
        descent = Descent(decode=task.decode, loss=task.loss, theta_shape=task.theta_shape)
        for name in ("sgd", "adam"):
            learners[name] = tune(replace(descent, optimizer=name), batches, queries)
    known = task.components if isinstance(task, Mixture) else None
    return learners | densities(known, batches, queries)


def _training(task: Known) -> Known:
    """The tasks to tune on: of training examples and, where classes are set apart, of training classes."""
    if isinstance(task, Features):
        return replace(task, split="train", classes="all" if task.classes == "all" else "train")
    return replace(task, split="train") if isinstance(task, Images | Letters) else task
