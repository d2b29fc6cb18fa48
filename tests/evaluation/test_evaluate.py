"""Curves: k = 0 is the start, k is k mini-batches, spreads are over tasks, and tasks are the same for all."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from small import awake, small

from iai.baselines.classical import Mean
from iai.evaluation import EvaluationConfig, as_json, episodes, evaluate
from iai.evaluation.evaluate import summarised
from iai.experiment import build
from iai.losses import squared_error
from iai.tasks import Images, LinearRegression
from iai.types import Batch, UserError

TASK = LinearRegression(dimension=2)
CONFIG = EvaluationConfig(tasks=6, steps=4, points=3, queries=5, chunk=6)


@pytest.mark.parametrize("regime", ["parametric", "explicit", "implicit"])
def test_a_curve_is_the_error_after_k_batches(regime: str) -> None:
    amortizer = awake(small(regime))
    curve = evaluate(amortizer, TASK, CONFIG)["mse"]
    ((batches, queries),) = episodes(TASK, CONFIG)
    for k in (0, 1, 4):
        errors = squared_error(amortizer(batches[:k], queries.x), queries.y).mean(-1)
        assert curve["mean"][k] == pytest.approx(errors.mean().item(), rel=1e-4)
        assert curve["se"][k] == pytest.approx((errors.std() / 6**0.5).item(), rel=1e-4)


def test_an_amortizer_is_a_learner_like_any_other() -> None:
    amortizer = awake(small())
    stepped, afresh = evaluate(amortizer, TASK, CONFIG), evaluate(lambda b, x: amortizer(b, x), TASK, CONFIG)
    assert stepped["mse"]["mean"] == pytest.approx(afresh["mse"]["mean"], rel=1e-4)


def test_a_learner_is_asked_only_at_the_steps_named() -> None:
    curve = evaluate(Mean(dy=1, classify=False), TASK, CONFIG, ks=(0, 2))["mse"]
    assert [value is None for value in curve["mean"]] == [False, True, False, True, True]
    assert [value is None for value in curve["se"]] == [False, True, False, True, True]


def test_evaluation_tasks_are_the_same_for_everybody_and_every_time() -> None:
    first, again = (list(episodes(TASK, CONFIG)) for _ in range(2))
    assert torch.equal(first[0][1].y, again[0][1].y)
    other = list(episodes(TASK, replace(CONFIG, seed=1)))
    assert not torch.equal(first[0][1].y, other[0][1].y)


def test_chunks_cover_all_tasks_and_differ() -> None:
    chunks = list(episodes(TASK, replace(CONFIG, chunk=4)))
    assert [queries.x.shape[0] for _, queries in chunks] == [4, 2]
    assert not torch.equal(chunks[0][1].y[:2], chunks[1][1].y)
    assert len(evaluate(awake(small()), TASK, replace(CONFIG, chunk=4))["mse"]["mean"]) == 5


def test_classification_reports_error_accuracy_and_loss() -> None:
    task = Images(source="sample", split="test", projection=5, ways=3)
    found = evaluate(awake(small(task=task)), task, CONFIG)
    assert set(found) == {"error", "accuracy", "loss"}
    assert [e + a for e, a in zip(found["error"]["mean"], found["accuracy"]["mean"])] == pytest.approx([1] * 5)


def test_json_keeps_seven_digits_and_what_is_missing() -> None:
    curve = {"mse": {"mean": [1 / 3, None], "se": [0.0, None], "tasks": {"0": [1 / 3, 1 / 6]}}}
    kept = {"mean": [0.3333333, None], "se": [0.0, None]}
    assert json.loads(json.dumps(as_json(curve))) == {"mse": kept | {"tasks": {"0": [0.3333, 0.1667]}}}


def test_single_tasks_are_kept_where_learners_are_compared() -> None:
    """The mean and its standard error are those of the tasks, which are in the order of `episodes`."""
    found = evaluate(awake(small()), TASK, replace(CONFIG, contexts=(1, 3)))
    tasks = found["mse"]["tasks"]
    assert list(tasks) == ["1", "2"], "of 1, 2, 5, 10 and 20 those up to four steps"
    assert list(found["mse_by_points"]["tasks"]) == ["1", "3"]
    ((batches, queries),) = episodes(TASK, CONFIG)
    errors = squared_error(awake(small())(batches[:2], queries.x), queries.y).mean(-1)
    assert tasks["2"] == pytest.approx(errors.tolist(), rel=1e-4)
    assert sum(tasks["1"]) / 6 == pytest.approx(found["mse"]["mean"][1])
    with_tasks = {name for name, series in as_json(found).items() if "tasks" in series}
    assert with_tasks == {"mse", "mse_by_points"}, "the loss is the same"
    task = Images(source="sample", split="test", projection=5, ways=3)
    images = as_json(evaluate(awake(small(task=task)), task, CONFIG))
    assert {name for name, series in images.items() if "tasks" in series} == {"error", "loss"}


def test_single_tasks_of_a_large_evaluation_are_few_bytes() -> None:
    values = torch.rand(21, 256, generator=torch.Generator().manual_seed(0)).double()
    curve = {"mse": summarised(values, range(21), 20)}
    assert len(json.dumps(as_json(curve), separators=(",", ":"))) < 11_000


@pytest.mark.parametrize("mask", ["full", "causal"])
def test_errors_by_points_are_those_after_one_step_of_a_part(mask: str) -> None:
    amortizer = awake(small("implicit", refiner={"mask": mask}))
    found = evaluate(amortizer, TASK, replace(CONFIG, contexts=(1, 3)))
    ((batches, queries),) = episodes(TASK, CONFIG)
    for size in (1, 3):
        errors = squared_error(amortizer([batches[0][:size]], queries.x), queries.y).mean(-1)
        assert found["mse_by_points"]["mean"][size] == pytest.approx(errors.mean().item(), rel=1e-4)
    assert [value is None for value in found["mse_by_points"]["mean"]] == [True, False, True, False]
    assert found["mse_by_points"]["mean"][3] == pytest.approx(found["mse"]["mean"][1], rel=1e-4)
    assert evaluate(amortizer, TASK, CONFIG).keys() == {"mse", "loss"}


def fitted(batches: Sequence[Batch], x: torch.Tensor) -> torch.Tensor:
    """A line through the origin, fitted to each task by gradient descent."""
    w = torch.zeros(x.shape[0], x.shape[2], 1, requires_grad=True)
    for batch in batches:
        (gradient,) = torch.autograd.grad(squared_error(batch.x @ w, batch.y).sum(), w)
        w = w - 0.1 * gradient
    return x @ w


def test_any_function_is_a_learner_even_one_that_differentiates_or_speaks_numpy() -> None:
    curve = evaluate(fitted, TASK, CONFIG)["mse"]
    assert curve["mean"][4] < curve["mean"][0] and None not in curve["mean"]
    as_numpy = evaluate(lambda b, x: fitted(b, x).detach().double().numpy(), TASK, CONFIG)["mse"]
    assert as_numpy["mean"] == pytest.approx(curve["mean"])
    whole = evaluate(lambda b, x: torch.ones(*x.shape[:2], 1, dtype=torch.long), TASK, CONFIG)["mse"]["mean"]
    assert whole == pytest.approx(evaluate(lambda b, x: torch.ones(*x.shape[:2], 1), TASK, CONFIG)["mse"]["mean"])
    assert set(evaluate(fitted, TASK, replace(CONFIG, contexts=(2,)))) == {
        "mse",
        "loss",
        "mse_by_points",
        "loss_by_points",
    }


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        (lambda b, x: x[..., 0], r"shape \(6, 5\); wanted: \(6, 5, 1\)"),
        (lambda b, x: x, r"shape \(6, 5, 2\); wanted: \(6, 5, 1\)"),
        (lambda b, x: None, r"no tensor of the shape \(6, 5, 1\)"),
    ],
)
def test_what_is_no_prediction_is_one_clear_line(learner: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        evaluate(learner, TASK, CONFIG)
    assert "\n" not in str(error.value)


def test_an_amortizer_says_which_tasks_it_was_built_for() -> None:
    with pytest.raises(UserError, match=r"\(3, 1\), and the amortizer was built for \(2, 1\)"):
        evaluate(build(small("implicit")), LinearRegression(dimension=3))
