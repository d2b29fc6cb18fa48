"""Tasks with little data: a few mini-batches, read again and again."""

from dataclasses import dataclass
from typing import Any

import torch

from iai.tasks.episodes import episode
from iai.types import Batch, Task, UserError


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
        """Distinct observations of new tasks."""
        return self.task.sample(generator, tasks, points)

    def episode(
        self, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int
    ) -> tuple[list[Batch], Batch]:
        """`steps` mini-batches, `distinct` of them different, and queries that are in none."""
        different = min(steps, self.distinct)
        batches, asked = episode(self.task, generator, tasks, different, points, queries)
        return [batches[i % different] for i in range(steps)], asked
