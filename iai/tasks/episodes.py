"""Episodes: mini-batches of new tasks and their queries; and tasks whose mini-batches are read again and again."""

from dataclasses import dataclass
from typing import Any

import torch

from iai.types import Batch, Episode, EpisodicTask, Task, UserError


def episode(task: Task, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int) -> Episode:
    """`steps` mini-batches of `points` observations of new tasks, and `queries` other observations (eq. 6).

    One draw of D_T is split, so the mini-batches and the queries are disjoint. A task whose queries are not
    observations (`EpisodicTask`) draws its own episode.
    """
    if isinstance(task, EpisodicTask):
        return task.episode(generator, tasks, steps, points, queries)
    data = task.sample(generator, tasks, steps * points + queries)
    batches = [data[i * points : (i + 1) * points] for i in range(steps)]
    return batches, data[steps * points :]


@dataclass(frozen=True, kw_only=True)
class Reused:
    """Tasks of another distribution whose data are `distinct` mini-batches, read again from the first one on.

    A pass over all of them is an epoch. Shapes, scales and a known likelihood are those of `task`.
    """

    task: Task
    distinct: int

    def __post_init__(self) -> None:
        if self.distinct < 1:
            raise UserError(f"distinct = {self.distinct}: a task has one mini-batch or more")

    def __getattr__(self, name: str) -> Any:
        if name in ("task", "distinct") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.task, name)

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        return self.task.sample(generator, tasks, points)

    def episode(self, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int) -> Episode:
        """`steps` mini-batches, `distinct` of them different, and queries that are in none."""
        different = min(steps, self.distinct)
        batches, asked = episode(self.task, generator, tasks, different, points, queries)
        return [batches[i % different] for i in range(steps)], asked
