"""What all tasks share: an episode splits one draw, a seed decides it, a task is plain data."""

import json
from dataclasses import asdict

import pytest
import torch

from iai.tasks import Features, Gravity, Images, Letters, LinearRegression, Mixture, episode
from iai.types import Task, concat

TASKS = [
    LinearRegression(dimension=3),
    Gravity(),
    Images(law="permutation", source="sample", split="test"),
    Features(dataset="mnist", source="sample", ways=3),
    Mixture(dimension=5),
    Letters(split="validation"),
]


@pytest.mark.parametrize("steps", [0, 1, 4])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_batches_and_queries_are_disjoint(task: Task, steps: int) -> None:
    batches, queries = episode(task, torch.Generator().manual_seed(0), 3, steps, 10, 20)
    assert [b.x.shape for b in batches] == [(3, 10, task.dx)] * steps
    assert queries.x.shape == (3, 20, task.dx) and queries.y.shape == (3, 20, task.dy)
    everything = concat([*batches, queries])
    assert [x.unique(dim=0).shape[0] for x in everything.x] == [steps * 10 + 20] * 3


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_a_seed_decides_a_draw(task: Task) -> None:
    first, same, other = (task.sample(torch.Generator().manual_seed(seed), 2, 5) for seed in (1, 1, 2))
    assert torch.equal(first.x, same.x) and torch.equal(first.y, same.y)
    assert not torch.equal(first.x, other.x)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_a_task_is_plain_data(
    task: LinearRegression | Gravity | Images | Features | Mixture | Letters,
) -> None:
    assert type(task)(**json.loads(json.dumps(asdict(task)))) == task
