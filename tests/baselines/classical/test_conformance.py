"""What all baselines share: any number of batches, any order of rows, one answer a query."""

from dataclasses import replace

import pytest
import torch
from small import answers_degenerate_sizes, answers_on_the_device_of_the_data

from iai.baselines import classical as baselines
from iai.baselines.classical import Learner, for_task
from iai.tasks import (
    Features,
    Gravity,
    Images,
    Letters,
    LinearRegression,
    Mixture,
    Reused,
    Smooth,
    SmoothClasses,
    episode,
)
from iai.types import Batch

TASKS = {
    "linear-regression": LinearRegression(dimension=3),
    "gravity": Gravity(),
    "images": Images(projection=8, ways=4, source="sample", split="test"),
    "features": Features(dataset="mnist", source="sample", split="test", classes="all", ways=4, projection=8),
    "mixture": Mixture(components=3),
    "letters": Letters(split="test"),
    "smooth": Smooth(),
    "smooth-classes": SmoothClasses(features=4),
}
LEARNERS = [(task, name) for task in TASKS for name in for_task(TASKS[task], points=6, steps=2)]


def learner_of(task: str, name: str) -> Learner:
    return for_task(TASKS[task], points=6, steps=2)[name]


def drawn(task: str) -> tuple[list[Batch], Batch]:
    return episode(TASKS[task], torch.Generator().manual_seed(5), 3, 3, 6, 9)


def test_every_task_has_its_baselines() -> None:
    common = {"mean", "sgd", "adam", "adam-10-passes", "l-bfgs", "neighbours"}
    own = {"linear-regression": {"ridge", "memoryless"}, "gravity": {"bayes"}, "images": {"logistic"}}
    own |= {"features": {"logistic", "centroids"}, "smooth": {"bayes", "memoryless"}, "smooth-classes": set()}
    densities = {"mean", "gaussian", "kernel", "em"}
    expected = {task: common | names for task, names in own.items()}
    expected |= {"mixture": densities | {"sgd", "adam"}, "letters": densities}
    for task in TASKS:
        assert {name for t, name in LEARNERS if t == task} == expected[task]


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize(("task", "name"), LEARNERS)
def test_predictions_have_the_shape_of_the_targets(task: str, name: str, steps: int) -> None:
    batches, queries = drawn(task)
    y_hat = learner_of(task, name)(batches[:steps], queries.x)
    assert y_hat.shape == queries.y.shape and y_hat.dtype == queries.y.dtype
    assert y_hat.isfinite().all()


@pytest.mark.parametrize(("task", "name"), LEARNERS)
def test_rows_of_a_batch_have_no_order(task: str, name: str) -> None:
    batches, queries = drawn(task)
    shuffled = [Batch(b.x.flip(1), b.y.flip(1)) for b in batches]
    learner = learner_of(task, name)
    expected = learner(batches, queries.x)
    torch.testing.assert_close(learner(shuffled, queries.x), expected, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize(("task", "name"), LEARNERS)
def test_a_query_does_not_see_the_others(task: str, name: str) -> None:
    batches, queries = drawn(task)
    learner = learner_of(task, name)
    expected = learner(batches, queries.x)[:, 2:4]
    torch.testing.assert_close(learner(batches, queries.x[:, 2:4]), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("task", "name"), [pair for pair in LEARNERS if pair[1] != "memoryless"])
def test_a_task_does_not_see_the_others(task: str, name: str) -> None:
    """Except by the memoryless bound, whose prior variance is a mean over tasks; L-BFGS does to its tolerance."""
    batches, queries = drawn(task)
    learner = learner_of(task, name)
    if name == "l-bfgs":
        learner = replace(learner.tuned[2], tolerance=1e-6, iterations=1000)
    alone = learner([Batch(b.x[:1], b.y[:1]) for b in batches], queries.x[:1])
    torch.testing.assert_close(alone, learner(batches, queries.x)[:1], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("task", "name"), LEARNERS)
def test_degenerate_sizes_are_answered(task: str, name: str) -> None:
    answers_degenerate_sizes(learner_of(task, name), *drawn(task))


@pytest.mark.parametrize(("task", "name"), LEARNERS)
def test_answers_are_on_the_device_of_the_data(task: str, name: str) -> None:
    answers_on_the_device_of_the_data(learner_of(task, name), *drawn(task))


def test_of_mini_batches_that_come_again_an_empty_one_is_as_good_as_none() -> None:
    task = Reused(task=TASKS["linear-regression"], distinct=2)
    for learner in for_task(task, points=6, steps=2).values():
        answers_degenerate_sizes(learner, *drawn("linear-regression"))


@pytest.mark.parametrize("name", ["kernel", "em"])
def test_a_density_of_one_point_has_a_width(name: str) -> None:
    """At t = 1 the field of a Gaussian of no width would divide by zero."""
    (batch, *_), queries = drawn("mixture")
    x = torch.cat([queries.x[..., :-1], torch.ones_like(queries.x[..., -1:])], dim=-1)
    assert learner_of("mixture", name)([batch[:1]], x).isfinite().all()


@pytest.mark.parametrize("task", TASKS)
def test_one_observation_is_enough_to_tune_on(task: str) -> None:
    assert for_task(TASKS[task], points=1, steps=1).keys() == for_task(TASKS[task], points=6, steps=2).keys()


def test_learning_rates_are_tuned_on_training_images(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = []

    def recorded(task: Images, *args: object, **kwargs: object) -> tuple[list[Batch], Batch]:
        splits.append(task.split)
        return episode(task, *args, **kwargs)

    monkeypatch.setattr(baselines, "episode", recorded)
    for_task.__wrapped__(TASKS["images"], points=6, steps=1)
    assert splits == ["train"]
