"""The three regimes: gradients are the gradients, detached; spaces decode; states start as they should."""

from dataclasses import replace

import pytest
import torch
from torch.func import grad

from iai.losses import LOSSES, squared_error
from iai.model import Decoder, Parameters, Predictions, Signal
from iai.tasks import Features, Gravity, Images, LinearRegression, Mixture
from iai.types import Batch, UserError

TASKS = {
    "regression": LinearRegression(dimension=3),
    "gravity": Gravity(),
    "images": Images(source="sample", projection=5, ways=3),
    "features": Features(dataset="mnist", source="sample", projection=5, ways=3),
    "mixture": Mixture(dimension=2, components=3),
}


def parameters(task, tokens: str = "mean", kind: str = "grad", history: int = 0) -> Parameters:
    return Parameters(task.decode, task.loss, task.theta_shape, Signal(kind=kind, tokens=tokens, history=history))


def drawn(task, tasks: int = 2, points: int = 6) -> Batch:
    return task.sample(torch.Generator().manual_seed(0), tasks, points)


def state_of(regime: Parameters, batch: Batch):
    state = regime.init(batch.x)
    noise = torch.randn(state.value.shape, generator=torch.Generator().manual_seed(1))
    return type(state)(state.value + noise, state.anchor, state.past)


@pytest.mark.parametrize("name", TASKS)
def test_the_gradient_of_a_batch_is_that_of_a_loop_over_tasks(name: str) -> None:
    task = TASKS[name]
    regime, batch = parameters(task), drawn(task)
    state = state_of(regime, batch)
    found = regime.evidence(state, batch).gradients
    for i in range(2):
        theta = state.value[i].detach().clone().requires_grad_()
        LOSSES[task.loss](task.decode(batch.x[i], theta), batch.y[i]).mean().backward()
        torch.testing.assert_close(found[i, 0], theta.grad, rtol=1e-4, atol=1e-5)


def test_the_gradient_of_least_squares_has_its_closed_form() -> None:
    task = TASKS["regression"]
    regime, batch = parameters(task), drawn(task)
    theta = state_of(regime, batch).value
    x, n = task.design(batch.x), batch.points
    residual = x @ theta.mT - batch.y
    expected = 2 / n * (x.mT @ residual).mT
    torch.testing.assert_close(regime.evidence(state_of(regime, batch), batch).gradients[:, 0], expected)


@pytest.mark.parametrize("name", TASKS)
def test_a_residual_is_what_the_state_gets_wrong(name: str) -> None:
    task = TASKS[name]
    regime, batch = parameters(task, kind="residual"), drawn(task)
    state = state_of(regime, batch)
    found, predicted = regime.evidence(state, batch).pairs, regime.f(batch.x, state)
    assert torch.equal(found.x, batch.x)
    if task.loss == "cross_entropy":
        torch.testing.assert_close(found.y.sum(-1), torch.zeros(found.y.shape[:-1]), atol=1e-5, rtol=0)
        assert torch.equal(found.y.argmax(-1), batch.y.argmax(-1)), "no label is lost"
    else:
        torch.testing.assert_close(found.y, batch.y - predicted)
    slope = torch.func.grad(lambda y_hat: LOSSES[task.loss](y_hat, batch.y).sum())(predicted)
    scale = 1.0 if task.loss == "cross_entropy" else 2 / task.dy
    torch.testing.assert_close(found.y, -slope / scale)


def test_the_gradient_of_a_linear_softmax_has_its_closed_form() -> None:
    task = TASKS["images"]
    regime, batch = parameters(task), drawn(task)
    state = state_of(regime, batch)
    x = torch.cat([batch.x, torch.ones(2, 6, 1)], dim=-1)
    excess = (x @ state.value.mT).softmax(-1) - batch.y
    torch.testing.assert_close(regime.evidence(state, batch).gradients[:, 0], excess.mT @ x / 6)


@pytest.mark.parametrize("name", TASKS)
def test_mean_sample_and_running_gradients_agree(name: str) -> None:
    task = TASKS[name]
    batch = drawn(task)
    state = state_of(parameters(task), batch)
    mean, sample, running = (
        parameters(task, t).evidence(state, batch).gradients for t in ("mean", "sample", "running")
    )
    torch.testing.assert_close(sample.mean(1, keepdim=True), mean)
    torch.testing.assert_close(running[:, -1:], mean)
    for j in range(1, batch.points + 1):
        torch.testing.assert_close(running[:, j - 1], parameters(task).evidence(state, batch[:j]).gradients[:, 0])


def test_gradients_are_detached_from_the_state_and_from_the_decoders_weights() -> None:
    batch = drawn(TASKS["regression"])
    regime = Parameters(Decoder(3, 1, 4), "squared_error", (1, 4), Signal())
    state = regime.init(batch.x)
    assert state.value.requires_grad  # the start is learned: there is a graph to be cut from
    evidence = regime.evidence(state, batch)
    assert not evidence.gradients.requires_grad
    theta = state.value[0].detach()
    leaky = grad(lambda t: squared_error(regime.decode(batch.x[0], t), batch.y[0]).mean())(theta)
    assert leaky.requires_grad  # what torch.func.grad does by itself
    torch.testing.assert_close(evidence.gradients[0, 0], leaky.detach())


@pytest.mark.parametrize(("kind", "pairs", "tokens"), [("data", 6, 0), ("grad", 0, 1), ("grad+data", 6, 1)])
def test_an_absent_signal_is_an_axis_of_length_zero(kind: str, pairs: int, tokens: int) -> None:
    task = TASKS["regression"]
    regime, batch = parameters(task, kind=kind), drawn(task)
    evidence = regime.evidence(regime.init(batch.x), batch)
    assert (evidence.pairs.points, evidence.gradients.shape) == (pairs, (2, tokens, 1, 4))


def test_parametric_predicts_with_the_known_likelihood_task_by_task() -> None:
    task = TASKS["images"]
    regime, batch = parameters(task), drawn(task)
    state = state_of(regime, batch)
    looped = torch.stack([task.decode(x, theta) for x, theta in zip(batch.x, state.value)])
    torch.testing.assert_close(regime.f(batch.x, state), looped)


def test_an_implicit_state_is_read_in_its_own_space() -> None:
    x, value = torch.randn(2, 4, 3), torch.randn(2, 4, 5)
    for space in ("logits", "softmax", "latent"):
        regime = Predictions(5, space, width=5)
        state = regime.init(x)
        assert torch.equal(state.anchor, x) and state.value.shape == (2, 4, 5)
        state = type(state)(value.softmax(-1) if space == "softmax" else value, state.anchor, state.past)
        answer = regime.f(x, state)
        expected = {"logits": value, "softmax": value.log_softmax(-1)}.get(space)
        torch.testing.assert_close(answer, regime.read(value) if expected is None else expected)


def test_an_implicit_start_is_a_prediction_alike_for_every_query() -> None:
    for space in ("logits", "softmax", "latent"):
        regime = Predictions(5, space)
        torch.nn.init.normal_(regime.initial)
        answers = regime.f(torch.zeros(2, 4, 3), regime.init(torch.randn(2, 4, 3)))
        assert (answers == answers[:1, :1]).all()
        if space == "softmax":
            torch.testing.assert_close(answers.exp().sum(-1), torch.ones(2, 4))


@pytest.mark.parametrize("kind", ["data", "grad"])
def test_a_history_window_starts_empty_with_room_for_states_and_gradients(kind: str) -> None:
    task = TASKS["images"]
    state = parameters(task, kind=kind, history=2).init(torch.zeros(2, 4, 5))
    assert state.past.shape == (2, 2 * 3, 6 * (2 if kind == "grad" else 1)) and not state.past.any()
    assert Predictions(3, history=2).init(torch.zeros(2, 4, 5)).past.shape == (2, 2 * 4, 3)


def test_theta_starts_at_the_learned_state_with_its_class_as_anchor() -> None:
    task = TASKS["images"]
    regime = Parameters(task.decode, task.loss, task.theta_shape, Signal(), "y")
    state = regime.init(torch.zeros(2, 4, 5))
    assert torch.equal(state.anchor[0], torch.eye(3))
    assert torch.equal(state.value, regime.initial.expand(2, 3, -1))


@pytest.mark.parametrize("kind", ["grad+data", "residual"])
def test_no_prediction_and_no_evidence_depends_on_the_memory(kind: str) -> None:
    task = TASKS["images"]
    signal = Signal(kind=kind)
    plain, with_memory = (
        Parameters(task.decode, task.loss, task.theta_shape, signal, "y", memory=memory) for memory in (0, 2)
    )
    batch = drawn(task)
    state = state_of(with_memory, batch)
    theta = replace(state, value=state.value[..., :6])
    assert state.value.shape == (2, 3, 6 * 3)
    assert torch.equal(with_memory.f(batch.x, state), plain.f(batch.x, theta))
    found, expected = with_memory.evidence(state, batch), plain.evidence(theta, batch)
    assert torch.equal(found.gradients, expected.gradients) and torch.equal(found.pairs.y, expected.pairs.y)
    with pytest.raises(UserError, match="choose memory=0 or"):
        Parameters(task.decode, task.loss, task.theta_shape, Signal(history=1), memory=1)
