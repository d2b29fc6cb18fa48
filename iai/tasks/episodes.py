"""Episodes: mini-batches of new tasks, and their queries."""

import torch

from iai.types import Batch, EpisodicTask, Task


def episode(
    task: Task, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int
) -> tuple[list[Batch], Batch]:
    """`steps` mini-batches of `points` observations of new tasks, and `queries` other observations (eq. 6).

    One draw of D_T is split, so the mini-batches and the queries are disjoint. A task whose queries are not
    observations (`EpisodicTask`) draws its own episode.
    """
    if isinstance(task, EpisodicTask):
        return task.episode(generator, tasks, steps, points, queries)
    data = task.sample(generator, tasks, steps * points + queries)
    batches = [data[i * points : (i + 1) * points] for i in range(steps)]
    return batches, data[steps * points :]
