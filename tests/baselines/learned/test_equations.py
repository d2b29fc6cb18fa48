"""Each learned baseline is the equation of its paper."""

import math

import pytest
import torch

from iai.baselines import learned as rivals
from iai.baselines.learned.processes import AttentiveCNP
from iai.baselines.learned.stepwise import MAML, LSTMOptimizer, preprocessed
from iai.losses import cross_entropy
from iai.tasks import Images, LinearRegression, episode
from iai.types import Batch, concat

REGRESSION = LinearRegression(dimension=3)
IMAGES = Images(projection=5, ways=3, source="sample")


def drawn(task: LinearRegression | Images, steps: int = 3) -> tuple[list[Batch], Batch]:
    return episode(task, torch.Generator().manual_seed(2), 4, steps, 6, 7)


def by_hand(maml: MAML, batches: list[Batch], queries: Batch, task: int, second_order: bool) -> torch.Tensor:
    """The loss of one task, its inner gradients by autograd."""
    theta = maml.start
    for b in batches:
        loss = cross_entropy(IMAGES.decode(b.x[task], theta), b.y[task]).mean()
        (slope,) = torch.autograd.grad(loss, theta, create_graph=second_order)
        theta = theta - maml.log_rate.exp() * slope
    return cross_entropy(IMAGES.decode(queries.x[task], theta), queries.y[task]).mean()


@pytest.mark.parametrize("first_order", [False, True])
def test_maml_differentiates_through_its_steps(first_order: bool) -> None:
    maml = MAML(rivals.MAMLConfig(rate=0.7, first_order=first_order), IMAGES)
    with torch.no_grad():
        maml.start.normal_(generator=torch.Generator().manual_seed(0))
    batches, queries = drawn(IMAGES)
    ours = torch.autograd.grad(maml.training_loss(batches, queries), [maml.start, maml.log_rate])
    losses = {
        second: torch.stack([by_hand(maml, batches, queries, t, second) for t in range(4)]).mean()
        for second in (True, False)
    }
    theirs, other = (
        torch.autograd.grad(losses[s], [maml.start, maml.log_rate]) for s in (not first_order, first_order)
    )
    for mine, expected in zip(ours, theirs):
        torch.testing.assert_close(mine, expected, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(ours[0], other[0], atol=1e-4)


def test_maml_without_data_is_its_start_and_its_step_is_the_closed_form() -> None:
    maml = MAML(rivals.MAMLConfig(rate=0.05), REGRESSION)
    with torch.no_grad():
        maml.start.normal_(generator=torch.Generator().manual_seed(0))
    batches, queries = drawn(REGRESSION)
    start = maml.start.detach().mT
    assert torch.equal(maml.g([], queries.x).detach(), maml.start.detach().expand(4, -1, -1))
    x, y = REGRESSION.design(batches[0].x), batches[0].y
    after = start - 0.05 * 2 * x.mT @ (x @ start - y) / 6
    torch.testing.assert_close(maml.g(batches[:1], queries.x).detach(), after.mT)


def cnp(task: LinearRegression | Images, heads: int) -> AttentiveCNP:
    """With codes of nothing that are not zero."""
    rival, generator = AttentiveCNP(rivals.AttentiveCNPConfig(width=16, heads=heads), task), torch.Generator()
    for weight in (rival.nowhere, rival.nothing):
        torch.nn.init.normal_(weight, generator=generator.manual_seed(0))
    return rival


@pytest.mark.parametrize("task", [REGRESSION, IMAGES])
def test_sets_have_no_order_and_no_batches(task: LinearRegression | Images) -> None:
    rival, (batches, queries) = cnp(task, heads=2), drawn(task)
    expected = rival(batches, queries.x)
    for again in (batches[::-1], [concat(batches)], [concat(batches)[:5], concat(batches)[5:]]):
        torch.testing.assert_close(rival(again, queries.x), expected, atol=1e-5, rtol=1e-4)


def test_a_cnp_of_one_head_is_a_network_of_a_softmax_of_codes() -> None:
    rival, (batches, queries) = cnp(REGRESSION, heads=1), drawn(REGRESSION)
    rows, places = [rival.nothing[0, 0]], [rival.nowhere[0, 0]]
    for b in batches:
        for x, y in zip(b.x[1], b.y[1]):
            rows.append(rival.encode(torch.cat([x, y / REGRESSION.y_scale])))
            places.append(rival.place(x))
    assert len(rows) == 1 + 18
    values, answers = rival.value(torch.stack(rows)), []
    for x in queries.x[1]:
        weights = (torch.stack(places) @ rival.place(x) / 4).softmax(-1)
        answers.append(REGRESSION.y_scale * rival.answer(torch.cat([x, weights @ values])))
    torch.testing.assert_close(rival(batches, queries.x)[1], torch.stack(answers))


def lstm() -> LSTMOptimizer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LSTMOptimizer(rivals.LSTMConfig(width=6, scale=0.5), LinearRegression(dimension=3, bias=False))


def test_the_learned_optimizer_treats_coordinates_alike() -> None:
    rival, task = lstm(), LinearRegression(dimension=3, bias=False)
    batches, queries = drawn(task)
    theta = rival.g(batches, queries.x)
    order = torch.tensor([2, 0, 1])
    permuted = rival.g([Batch(b.x[..., order], b.y) for b in batches], queries.x)
    torch.testing.assert_close(permuted, theta[..., order])
    assert not torch.allclose(theta[..., 0], theta[..., 1], atol=1e-3)


def test_the_learned_optimizer_is_torchs_lstm_of_the_gradients() -> None:
    rival, task = lstm(), LinearRegression(dimension=3, bias=False)
    batches, queries = drawn(task)
    theirs = torch.nn.LSTM(2, 6, num_layers=2)
    for layer, cell in enumerate((rival.first, rival.second)):
        for name, value in cell.named_parameters():
            getattr(theirs, f"{name}_l{layer}").data.copy_(value)
    theta, memory = torch.zeros(3), None
    for b in batches:
        slope = 2 * b.x[1].T @ (b.x[1] @ theta - b.y[1, :, 0]) / 6
        out, memory = theirs(preprocessed(slope, 10.0)[None].detach(), memory)
        theta = theta + 0.5 * rival.move(out[0])[:, 0]
    torch.testing.assert_close(rival.g(batches, queries.x)[1, 0], theta)


def test_gradients_are_inputs_and_are_not_differentiated() -> None:
    """Where the LSTM answers a constant, whatever it is told, the loss has no path to it through later gradients."""
    rival = lstm()
    batches, queries = drawn(LinearRegression(dimension=3, bias=False), steps=2)
    *_, last = rival.path(batches, queries.x)
    (through,) = torch.autograd.grad(last.sum(), rival.start)
    torch.testing.assert_close(through, torch.full_like(through, 4.0))  # theta = start + what was decided


def test_preprocessing_is_that_of_the_appendix() -> None:
    slope = torch.tensor([1.0, -math.e, math.exp(-5), -math.exp(-11), 0.0])
    expected = torch.tensor([[0.0, 1], [0.1, -1], [-0.5, 1], [-1, -math.exp(-1)], [-1, 0]])
    torch.testing.assert_close(preprocessed(slope, 10.0), expected)
