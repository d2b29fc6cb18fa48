"""Descent on theta is the textbook's, and its learning rate is the best of the grid."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from iai.baselines.classical import Converged, Descent, Ridge, tune
from iai.losses import cross_entropy, squared_error
from iai.tasks import Images, LinearRegression, episode
from iai.types import Batch, concat

TASK = LinearRegression(dimension=3, bias=False)
SGD = Descent(decode=TASK.decode, loss=TASK.loss, theta_shape=TASK.theta_shape, learning_rate=0.05)


def test_sgd_step_is_the_closed_form() -> None:
    batches, queries = episode(TASK, torch.Generator().manual_seed(0), 4, 2, 6, 2)
    theta = torch.zeros(4, 3, 1)
    for b in batches:
        theta = theta - 0.05 * 2 * b.x.mT @ (b.x @ theta - b.y) / 6
    torch.testing.assert_close(SGD.theta(batches, queries.x), theta.mT)
    torch.testing.assert_close(SGD(batches, queries.x), queries.x @ theta)


@pytest.mark.parametrize(
    ("kind", "own", "theirs"),
    [("adam", {}, torch.optim.Adam), ("sgd", {"momentum": 0.9}, partial(torch.optim.SGD, momentum=0.9))],
)
def test_descent_is_torchs(kind: str, own: dict, theirs) -> None:
    task = Images(projection=5, ways=3, source="sample")
    batches, queries = episode(task, torch.Generator().manual_seed(0), 2, 4, 6, 2)
    shape = task.theta_shape
    ours = Descent(decode=task.decode, loss=task.loss, theta_shape=shape, optimizer=kind, learning_rate=0.1, **own)
    theta = torch.zeros(shape, requires_grad=True)
    optimizer = theirs([theta], lr=0.1)
    for b in batches:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(task.decode(b.x[1], theta), b.y[1]).backward()
        optimizer.step()
    torch.testing.assert_close(ours.theta(batches, queries.x)[1], theta.detach(), atol=1e-5, rtol=1e-4)


def test_passes_read_the_batches_again() -> None:
    batches, queries = episode(TASK, torch.Generator().manual_seed(0), 4, 2, 6, 2)
    twice = replace(SGD, passes=2)(batches, queries.x)
    assert torch.equal(twice, SGD(batches + batches, queries.x))


def test_theta_starts_at_init() -> None:
    assert torch.equal(replace(SGD, init=0.5).theta([], torch.zeros(2, 1, 3)), torch.full((2, 1, 3), 0.5))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_tuning_finds_the_best_rate(optimizer: str) -> None:
    batches, queries = episode(TASK, torch.Generator().manual_seed(0), 64, 5, 10, 20)
    grid = (1e30, 1e-4, 0.2)  # the first one ends in nan
    best = tune(replace(SGD, optimizer=optimizer), batches, queries, "learning_rate", grid).tuned[5]
    losses = {
        rate: squared_error(replace(best, learning_rate=rate)(batches, queries.x), queries.y).mean().item()
        for rate in grid
    }
    assert best.learning_rate == 0.2 and losses[0.2] < losses[1e-4]
    assert not losses[1e30] < 1e9
    assert best.optimizer == optimizer


@pytest.mark.parametrize("init", [0.0, 0.5])
def test_converged_is_ridge_at_its_penalty(init: float) -> None:
    """Ridge around `init`: of the targets less what `init` predicts."""
    task = LinearRegression(dimension=3, noise_variance=0.3)
    batches, queries = episode(task, torch.Generator().manual_seed(0), 5, 2, 6, 7)
    fit = Converged(
        decode=task.decode,
        loss=task.loss,
        theta_shape=task.theta_shape,
        penalty=0.6,
        init=init,
        tolerance=1e-5,
    )
    rest = [Batch(b.x, b.y - init * task.design(b.x).sum(-1, keepdim=True)) for b in batches]
    expected = Ridge(noise_variance=0.3)(rest, queries.x) + init * task.design(queries.x).sum(-1, keepdim=True)
    torch.testing.assert_close(fit(batches, queries.x), expected, atol=2e-3, rtol=1e-3)
    assert not torch.allclose(replace(fit, penalty=3.0)(batches, queries.x), expected, atol=0.05)


def test_converged_has_no_gradient_left() -> None:
    task = Images(projection=5, ways=3, source="sample")
    batches, queries = episode(task, torch.Generator().manual_seed(0), 2, 4, 6, 2)
    fit = Converged(decode=task.decode, loss=task.loss, theta_shape=task.theta_shape, tolerance=1e-4)
    theta, seen = fit.theta(batches, queries.x).requires_grad_(), concat(batches)
    losses = [cross_entropy(task.decode(x, t), y).sum() for x, t, y in zip(seen.x, theta, seen.y)]
    (gradient,) = torch.autograd.grad(sum(losses) + theta.square().sum() / 2, theta)
    assert gradient.abs().max() < 24 * 2e-4


def test_penalties_are_tuned_as_rates_are() -> None:
    batches, queries = episode(TASK, torch.Generator().manual_seed(0), 64, 2, 4, 20)
    fit = Converged(decode=TASK.decode, loss=TASK.loss, theta_shape=TASK.theta_shape)
    assert tune(fit, batches, queries, "penalty", (1e4, 0.5)).tuned[2].penalty == 0.5


def test_a_rate_is_tuned_for_each_number_of_mini_batches_and_used_at_it() -> None:
    """One step of Adam moves an entry of theta by the rate: few steps want a large one."""
    batches, queries = episode(TASK, torch.Generator().manual_seed(0), 64, 20, 10, 20)
    rates = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    adam = tune(replace(SGD, optimizer="adam"), batches, queries, "learning_rate", rates)
    chosen = {k: one.learning_rate for k, one in adam.tuned.items()}
    assert list(chosen) == [1, 2, 5, 10, 20] and chosen[1] > chosen[20]
    for seen, k in {0: 1, 1: 1, 3: 2, 5: 5, 19: 10, 20: 20}.items():
        expected = replace(SGD, optimizer="adam", learning_rate=chosen[k])(batches[:seen], queries.x)
        assert torch.equal(adam(batches[:seen], queries.x), expected)
    for k in chosen:
        losses = [replace(SGD, optimizer="adam", learning_rate=rate)(batches[:k], queries.x) for rate in rates]
        errors = [squared_error(one, queries.y).mean().item() for one in losses]
        assert rates[errors.index(min(errors))] == chosen[k]
