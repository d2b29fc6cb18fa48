"""What all tasks share: an episode splits one draw, a seed decides it, a task is plain data; and data read again."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from jaxtyping import TypeCheckError
from small import awake, small

from iai.baselines.classical import TUNING_SEED, Once, Ridge, for_task
from iai.evaluation import EvaluationConfig, episodes, evaluate
from iai.experiment import build, from_json, to_json
from iai.study.registry import experiment
from iai.study.registry.sizes import CHOOSING, JUDGING, JUDGING_ORDERS
from iai.tasks import (
    CausalOrder,
    Features,
    Gravity,
    Images,
    InTurn,
    Letters,
    LinearRegression,
    Mixture,
    Reused,
    Smooth,
    SmoothClasses,
    data,
    episode,
    letters,
)
from iai.tasks.episodes import TRAINING_SEEDS, seed_of
from iai.training import train
from iai.training.loop import generator_of
from iai.types import Batch, Task, UserError, concat

TASKS = [
    LinearRegression(dimension=3),
    Gravity(),
    Images(law="permutation", source="sample", split="test"),
    Features(dataset="mnist", source="sample", ways=3),
    Mixture(dimension=5),
    Letters(split="validation"),
    Smooth(),
    SmoothClasses(),
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
    assert {name for name, one in learners.items() if not isinstance(one, Once)} == {"sgd", "adam", "adam-10-passes"}
    again = for_task(Reused(task=TASK, distinct=1), points=4, steps=10)["adam"]
    assert again.tuned != for_task(TASK, points=4, steps=10)["adam"].tuned  # for data that come again


def test_images_that_come_again_are_judged_and_trained_on_beyond_what_a_data_set_has() -> None:
    """Three classes of the sample have 300 test images: 40 mini-batches of 16 would need 640."""
    images = Images(projection=4, ways=3, source="sample", split="test")
    again = Reused(task=images, distinct=2)
    judging = EvaluationConfig(tasks=2, steps=40, points=16, queries=8)
    with pytest.raises(UserError, match="may have only 300"):
        evaluate(awake(small("implicit", images)), images, judging)
    batches, queries = next(episodes(again, judging))
    assert len(batches) == 40 and torch.equal(batches[38].x, batches[0].x) and torch.equal(batches[39].y, batches[1].y)
    assert not torch.equal(batches[0].x, batches[1].x)
    assert not (queries.x[0][:, None] == concat(batches[:2]).x[0]).all(-1).any()
    for regime in ("parametric", "implicit"):
        chosen = small(regime, replace(again, task=replace(images, split="train")))
        chosen = replace(chosen, objective=replace(chosen.objective, tasks=40, steps=40, points=16))
        curve = evaluate(awake(chosen), again, judging)["error"]["mean"]
        assert len(curve) == 41 and None not in curve
        assert next(chosen.objective(build(chosen), torch.Generator().manual_seed(0))).isfinite()


def test_a_parametric_model_can_be_built_for_it() -> None:
    from small import small

    assert build(small("parametric", Reused(task=TASK, distinct=1))).regime.width == 4


@dataclass(frozen=True)
class Lines:
    """Linear maps from 3 to 2 numbers; `spoil` makes of a right batch a wrong one."""

    spoil: Any
    dx: ClassVar[int] = 3
    dy: ClassVar[int] = 2
    loss: ClassVar[str] = "squared_error"

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Any:
        x = torch.randn(tasks, points, 3, generator=generator)
        return self.spoil(x, x @ torch.randn(tasks, 3, 2, generator=generator))


class Classes(Lines):
    loss = "cross_entropy"


def lines(spoil: Any, kind: type = Lines) -> Any:
    return episode(kind(spoil), torch.Generator().manual_seed(0), tasks=4, steps=2, points=5, queries=3)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x, y: Batch(x[:, :-1], y[:, :-1]),
        lambda x, y: Batch(x[:1], y[:1]),
        lambda x, y: Batch(x, y[..., :1]),
        lambda x, y: (x, y[..., 0]),
        lambda x, y: Batch(x[..., :2], y),
        lambda x, y: Batch(x, y.to("meta")),
        lambda x, y: x,
        lambda x, y: None,
        lambda x, y: (x, "y"),
    ],
)
def test_a_draw_of_another_shape_or_place_is_refused_by_name(spoil: Any) -> None:
    with pytest.raises(UserError, match=r"Lines\.sample") as refused:
        lines(spoil)
    assert "\n" not in str(refused.value)


def test_a_draw_that_is_meant_is_taken() -> None:
    """Pairs, arrays of NumPy, integers and float64 become a Batch of the default dtype; labels become one-hot."""
    batches, queries = lines(lambda x, y: (x.double().numpy(), y.round().long().numpy()))
    assert {part.dtype for b in [*batches, queries] for part in (b.x, b.y)} == {torch.float32}
    _, queries = lines(lambda x, y: (x, (y[..., 0] > 0).long()), Classes)
    assert queries.y.shape == (4, 3, 2) and torch.equal(queries.y.sum(-1), torch.ones(4, 3))


def test_labels_beyond_the_classes_are_refused() -> None:
    with pytest.raises(UserError, match=r"Classes\.sample .*num_classes"):
        lines(lambda x, y: (x, torch.full(y.shape[:2], 2)), Classes)


def test_data_that_are_not_finite_are_refused_before_any_update_and_before_judging() -> None:
    task = Lines(lambda x, y: Batch(x, y * float("nan")))
    chosen = small("implicit", task)
    with pytest.raises(UserError, match="drew y that is not finite"):
        train(build(chosen), chosen.objective, chosen.train, seed=0, show=False)
    with pytest.raises(UserError, match="drew y that is not finite"):
        evaluate(build(chosen), task, chosen.evaluation)


def test_no_seed_that_judges_or_tunes_is_one_of_training() -> None:
    """PyTorch's generator on the CPU takes seeds modulo 2^32; every seed of a training is in one half of them."""
    for seed in (0, 1, 2, 999, 2**31 - 1):
        assert all(seed_of(seed, rollout) in TRAINING_SEEDS for rollout in (0, 1, 10**6, 2**31))
        assert len({seed_of(seed, rollout) for rollout in range(2000)}) == 2000
    judging = [EvaluationConfig().seed + i for i in range(100)]
    for seed in (*judging, JUDGING, CHOOSING, JUDGING_ORDERS, TUNING_SEED):
        assert seed % 2**32 not in TRAINING_SEEDS
    for seed in (TRAINING_SEEDS[0] - 1, 2**32 + TRAINING_SEEDS[5], 3_000_000_000):
        with pytest.raises(UserError, match="training draws from it"):
            EvaluationConfig(seed=seed)


def test_the_first_batch_of_training_is_not_what_evaluation_draws() -> None:
    """As it was when both drew from the same seed, at equal shapes."""
    shape = {"tasks": 4, "steps": 2, "points": 5, "queries": 3}
    trained = episode(TASK, generator_of(0, 0), **shape)[1]
    judged = next(episodes(TASK, EvaluationConfig(**shape)))[1]
    assert not torch.equal(trained.x, judged.x)


@pytest.mark.parametrize("seed", [10**10, 2**40, 2**31, -1, 1.5, "0"])
def test_a_seed_that_would_wrap_around_is_refused(seed: Any) -> None:
    chosen = small()
    for work in (
        lambda: build(chosen, seed),
        lambda: train(build(chosen), chosen.objective, chosen.train, seed=seed, show=False),
    ):
        with pytest.raises((UserError, TypeCheckError), match="seed"):
            work()


def test_classes_that_are_not_one_hot_are_refused_before_any_update() -> None:
    for spoil in (lambda x, y: (x, y), lambda x, y: (x, 0 * y), lambda x, y: (x, torch.ones_like(y))):
        chosen = small("implicit", Classes(spoil))
        with pytest.raises(UserError, match="drew y that is not one-hot"):
            train(build(chosen), chosen.objective, chosen.train, seed=0, show=False)


def test_classes_arrive_in_an_order_that_is_drawn_for_each_task() -> None:
    images = Images(projection=4, ways=3, source="sample")
    in_turn, plain = (
        episode(task, torch.Generator().manual_seed(0), 8, 3, 6, 5) for task in (InTurn(task=images), images)
    )
    (batches, queries), (shuffled, asked) = in_turn, plain
    assert torch.equal(queries.x, asked.x) and torch.equal(queries.y, asked.y)
    seen, expected = concat(batches), concat(shuffled)
    orders = set()
    for x, y, old_x, old_y in zip(seen.x, seen.y, expected.x, expected.y):
        classes, runs = y.argmax(-1).unique_consecutive(return_counts=True)
        assert len(classes) == len(set(classes.tolist())) and runs.sum() == 18
        orders.add(tuple(classes.tolist()))
        pairs = (torch.cat(pair, dim=-1).unique(dim=0) for pair in ((x, y), (old_x, old_y)))
        assert torch.equal(*pairs)
    assert len(orders) > 3


def test_learners_of_all_points_do_not_mind_the_order_and_descent_is_tuned_for_it() -> None:
    images = Images(projection=4, ways=3, source="sample", split="test")
    learners, plain = (for_task(task, points=6, steps=5) for task in (InTurn(task=images), images))
    assert {name for name, one in learners.items() if not isinstance(one, Once)} == {"sgd", "adam", "adam-10-passes"}
    batches, queries = episode(InTurn(task=images), torch.Generator().manual_seed(0), 4, 5, 6, 9)
    assert torch.equal(learners["logistic"](batches, queries.x), plain["logistic"](batches, queries.x))
    assert learners["sgd"].tuned != plain["sgd"].tuned


def test_trials_of_classes_in_turn_are_of_validation_images() -> None:
    validation = experiment("trial/in-turn/mnist/data/centre", "small").evaluation_sets["validation"]
    assert isinstance(validation, InTurn) and validation.task.split == "validation"
