"""What all tasks share: an episode splits one draw, a seed decides it, a task is plain data; and data read again."""

import json
from dataclasses import asdict

import pytest
import torch

from iai.baselines.classical import Once, Ridge, for_task
from iai.experiment import build, from_json, to_json
from iai.tasks import (
    CausalOrder,
    Features,
    Gravity,
    Images,
    Letters,
    LinearRegression,
    Mixture,
    Reused,
    data,
    episode,
    letters,
)
from iai.types import Task, UserError, concat

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


@pytest.mark.parametrize("task", [*TASKS, CausalOrder(nodes=5)], ids=lambda task: type(task).__name__)
def test_draws_are_on_the_device_of_the_generator(task: Task) -> None:
    """Where torch's default device is another one, what is made without naming a device is there, and of no use."""
    for kept in (data._frequencies, data._sample, letters.glyphs):
        kept.cache_clear()
    generator, same = (torch.Generator("cpu").manual_seed(0) for _ in range(2))
    with torch.device("meta"):
        batches, queries = episode(task, generator, 3, 2, 4, 5)
    expected, asked = episode(task, same, 3, 2, 4, 5)
    for found, wanted in zip([*batches, queries], [*expected, asked]):
        assert torch.equal(found.x, wanted.x) and torch.equal(found.y, wanted.y)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_a_task_is_plain_data(
    task: LinearRegression | Gravity | Images | Features | Mixture | Letters,
) -> None:
    assert type(task)(**json.loads(json.dumps(asdict(task)))) == task


TASK = LinearRegression(dimension=3)


def drawn(distinct: int, steps: int):
    return episode(Reused(task=TASK, distinct=distinct), torch.Generator().manual_seed(0), 2, steps, 4, 5)


def test_mini_batches_come_again_in_their_order() -> None:
    batches, queries = drawn(distinct=2, steps=5)
    for i, batch in enumerate(batches):
        assert torch.equal(batch.x, batches[i % 2].x) and torch.equal(batch.y, batches[i % 2].y)
    everything = concat([*batches[:2], queries]).x
    assert [x.unique(dim=0).shape[0] for x in everything] == [13, 13]


def test_with_data_for_every_step_it_is_the_task() -> None:
    batches, queries = drawn(distinct=7, steps=3)
    plain, asked = episode(TASK, torch.Generator().manual_seed(0), 2, 3, 4, 5)
    assert torch.equal(concat(batches).y, concat(plain).y) and torch.equal(queries.x, asked.x)


def test_no_step_asks_for_no_data() -> None:
    assert drawn(distinct=2, steps=0)[0] == []


def test_what_it_is_not_asked_about_data_the_task_says() -> None:
    reused = Reused(task=TASK, distinct=1)
    assert isinstance(reused, Task) and (reused.dx, reused.dy, reused.loss) == (3, 1, "squared_error")
    assert reused.theta_shape == TASK.theta_shape and reused.y_scale == TASK.y_scale
    assert from_json(json.loads(json.dumps(to_json(reused)))) == reused
    with pytest.raises(AttributeError):
        _ = reused.colour


def test_less_than_a_mini_batch_is_an_error() -> None:
    with pytest.raises(UserError, match="distinct = 0"):
        Reused(task=TASK, distinct=0)


def test_learners_of_all_points_read_each_once_and_descent_reads_on() -> None:
    """Ridge would take a point read twice for two."""
    batches, queries = drawn(distinct=2, steps=6)
    ridge = Ridge(noise_variance=0.25)
    found = Once(ridge, 2)(batches, queries.x)
    torch.testing.assert_close(found, ridge(batches[:2], queries.x))
    assert not torch.allclose(found, ridge(batches, queries.x))
    learners = for_task(Reused(task=TASK, distinct=2), points=4, steps=2)
    assert isinstance(learners["ridge"], Once) and not isinstance(learners["sgd"], Once)


def test_a_parametric_model_can_be_built_for_it() -> None:
    from small import small

    assert build(small("parametric", Reused(task=TASK, distinct=1))).regime.width == 4
