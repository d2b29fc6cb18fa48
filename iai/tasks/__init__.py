"""Families of tasks: samplers of p(T) and of its data D_T, with the known likelihood, if there is one."""

import torch

from iai.tasks.causal_order import CausalOrder
from iai.tasks.features import Features
from iai.tasks.gravity import Gravity
from iai.tasks.images import Images
from iai.tasks.letters import Letters
from iai.tasks.linear_regression import LinearRegression
from iai.tasks.mixtures import Mixture
from iai.types import AskedTask, Batch, Task

__all__ = [
    "CausalOrder",
    "Features",
    "Gravity",
    "Images",
    "Letters",
    "LinearRegression",
    "Mixture",
    "episode",
]


def episode(
    task: Task, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int
) -> tuple[list[Batch], Batch]:
    """`steps` mini-batches of `points` observations of new tasks, and `queries` other observations (eq. 6).

    One draw of D_T is split, so the mini-batches and the queries are disjoint by construction. A task that asks for
    something else than its observations draws its own episode.
    """
    if isinstance(task, AskedTask):
        return task.episode(generator, tasks, steps, points, queries)
    data = task.sample(generator, tasks, steps * points + queries)
    batches = [data[i * points : (i + 1) * points] for i in range(steps)]
    return batches, data[steps * points :]
