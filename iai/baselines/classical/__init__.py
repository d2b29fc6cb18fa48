"""The classical learners, called as an amortizer is: `(batches, x) -> y_hat`, for any number of batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from iai.baselines.classical.causal_order import PC, DirectLiNGAM, Score, SortBy
from iai.baselines.classical.densities import ExpectationMaximisation, Gaussian, Kernel, densities
from iai.baselines.classical.fitted import MANY_PASSES_GRID, PENALTIES, RATES, STEPS, ByStep, Converged, Descent, tune
from iai.baselines.classical.supervised import Centroids, Logistic, Mean, Memoryless, Neighbours, Planet, Ridge
from iai.tasks import (
    CausalOrder,
    Features,
    Gravity,
    Images,
    Letters,
    LinearRegression,
    Mixture,
    Reused,
    Smooth,
    Wrapper,
    episode,
)
from iai.types import Batch, KnownTask, Learner

Known = LinearRegression | Gravity | Images | Features | CausalOrder | Mixture | Letters | Smooth

TUNING_SEED = 917_203
"""Seed of the tasks that learning rates are tuned on; no other code draws from it."""


@cache
def for_task(task: Known | Wrapper, points: int = 32, steps: int = max(STEPS)) -> dict[str, Learner]:
    """The baselines that apply to a task, by name, tuned for mini-batches of `points`, at most `steps` of them.

    Rates and penalties are tuned for each of `STEPS`, other settings for their mean. Tuning draws training tasks with
    a seed of its own, once a process, and never the tasks of an evaluation.
    """
    if isinstance(task, CausalOrder):
        sorts = {"random-order": SortBy(number="none"), "sort-by-variance": SortBy(number="variance")}
        return {
            **sorts,
            "sort-by-r2": SortBy(number="r2"),
            "score": Score(),
            "direct-lingam": DirectLiNGAM(),
            "pc": PC(),
        }
    generator = torch.Generator().manual_seed(TUNING_SEED)
    tuning = episode(_training(task), generator, tasks=64, steps=steps, points=points, queries=32)
    if isinstance(task, Wrapper):
        found = for_task(cast(Known, task.task), points, steps)
        again = _descents(task, *tuning, longer="l-bfgs" in found) | {"l-bfgs": None}
        distinct = task.distinct if isinstance(task, Reused) else steps
        return {name: again.get(name) or Once(one, distinct) for name, one in found.items()}
    classify = task.loss == "cross_entropy"
    mean: dict[str, Learner] = {"mean": Mean(dy=task.dy, classify=classify)}
    if isinstance(task, Letters):
        return mean | densities(None, *tuning)
    if isinstance(task, Mixture):
        return mean | _descents(task, *tuning) | densities(task.components, *tuning)
    found = mean | _descents(task, *tuning, longer=True)
    found["neighbours"] = Neighbours(dy=task.dy, classify=classify)
    if isinstance(task, LinearRegression):
        found["ridge"] = Ridge(noise_variance=task.noise_variance, bias=task.bias)
        found["memoryless"] = Memoryless(noise_variance=task.noise_variance, bias=task.bias)
    if isinstance(task, Smooth) and not classify:
        linear = {"bayes": Ridge, "memoryless": Memoryless}
        for name, learner in linear.items():
            found[name] = Designed(learner(noise_variance=task.noise_sd**2, bias=False), task.design)
    if isinstance(task, Gravity):
        found["bayes"] = Planet(task=task)
    if isinstance(task, Images | Features):
        found["logistic"] = Logistic(dy=task.dy)
    if isinstance(task, Features):
        found["centroids"] = Centroids(dy=task.dy)
    return found


def _descents(task: Any, batches: Sequence[Batch], queries: Batch, longer: bool = False) -> dict[str, Learner]:
    """SGD and Adam, one step a mini-batch; if `longer`, Adam in ten passes and L-BFGS, tuned on half of the tasks."""
    init = (task.weakest + task.strongest) / 2 if hasattr(task, "weakest") else 0.0  # the middle of the prior
    known: dict[str, Any] = {"decode": task.decode, "loss": task.loss, "theta_shape": task.theta_shape, "init": init}
    found: dict[str, Learner] = {
        name: tune(Descent(optimizer=name, **known), batches, queries, "learning_rate", RATES)
        for name in ("sgd", "adam")
    }
    if longer:
        half = [batch.tasks(slice(32)) for batch in batches], queries.tasks(slice(32))
        many = Descent(optimizer="adam", passes=10, **known)
        found["adam-10-passes"] = tune(many, *half, "learning_rate", MANY_PASSES_GRID)
        found["l-bfgs"] = tune(Converged(**known), *half, "penalty", PENALTIES)
    return found


@dataclass(frozen=True)
class Once:
    """A learner that reads every observation once, where mini-batches come again after `distinct`."""

    learner: Learner
    distinct: int

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        return self.learner([batch for batch in batches if batch.points][: self.distinct], x)


@dataclass(frozen=True)
class Designed:
    """A learner that is shown features of x in place of x."""

    learner: Learner
    design: Callable[[Tensor], Tensor]

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        return self.learner([Batch(self.design(batch.x), batch.y) for batch in batches], self.design(x))


def _training(task: Any) -> Any:
    """The tasks to tune on: of training examples and, where classes are set apart, of training classes."""
    if isinstance(task, Wrapper):
        return replace(task, task=_training(task.task))
    if isinstance(task, Features):
        return replace(task, split="train", classes="all" if task.classes == "all" else "train")
    return replace(task, split="train") if isinstance(task, Images | Letters) else task
