"""Greedy against backpropagation through time: same losses, flat against growing memory, and where gradients agree."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from small import awake, data, small

from iai.losses import squared_error
from iai.model import Signal
from iai.study.measure.cost import peak_saved_bytes
from iai.study.registry.variants import objective_like
from iai.tasks import LinearRegression
from iai.training.objectives import Greedy, RandomStep, Unrolled, greedy_loss, rollout_losses

EXPERIMENT = small(objective=Greedy(task=LinearRegression(dimension=2), tasks=4, steps=2, points=5, queries=4))


def rolled(steps: int, **changes):
    """An amortizer, `steps` mini-batches of a few tasks, and their queries."""
    experiment = replace(EXPERIMENT, **changes)
    objective = replace(experiment.objective, steps=steps, tasks=2 * steps)
    return awake(experiment), *data(replace(experiment, objective=objective))


def gradient(loss, amortizer) -> torch.Tensor:
    weights = list(amortizer.parameters())
    found = torch.autograd.grad(loss, weights, retain_graph=True, materialize_grads=True)
    return torch.cat([g.flatten() for g in found])


@pytest.mark.parametrize("regime", ["parametric", "explicit", "implicit"])
def test_detaching_changes_gradients_and_no_loss(regime: str) -> None:
    amortizer, batches, queries = rolled(3, regime=regime)
    greedy = list(rollout_losses(amortizer, squared_error, batches, queries, window=1))
    unrolled = list(rollout_losses(amortizer, squared_error, batches, queries, window=0))
    torch.testing.assert_close(torch.stack(greedy), torch.stack(unrolled))
    torch.testing.assert_close(gradient(greedy[0], amortizer), gradient(unrolled[0], amortizer))
    assert not torch.allclose(gradient(greedy[2], amortizer), gradient(unrolled[2], amortizer), rtol=1e-2)


def test_a_window_cuts_the_graph_after_so_many_steps() -> None:
    """The loss of step i is followed back to the last cut, and no further."""
    amortizer, batches, queries = rolled(4)
    losses = {w: list(rollout_losses(amortizer, squared_error, batches, queries, window=w)) for w in (0, 1, 2)}
    found = {w: [gradient(loss, amortizer) for loss in some] for w, some in losses.items()}
    torch.testing.assert_close(found[2][1], found[0][1])
    torch.testing.assert_close(found[2][2], found[1][2])
    for other in (0, 1):
        assert not torch.allclose(found[2][3], found[other][3], rtol=1e-2)


@pytest.mark.parametrize("theta", ["one", "coordinate"])
def test_a_memory_learns_through_two_steps_and_not_through_one(theta: str) -> None:
    """No loss reads what the last step writes there, so eq. 9 has no gradient in it."""
    amortizer, batches, queries = rolled(2, theta=theta, memory=2, signal=Signal(kind="grad+data"))
    amortizer.zero_grad()
    for window in (1, 2):
        torch.stack(list(rollout_losses(amortizer, squared_error, batches, queries, window=window))).sum().backward()
        written = amortizer.refiner.head.weight.grad[amortizer.regime.width :]
        assert written.shape == (2 * amortizer.regime.width, amortizer.refiner.config.width)
        assert bool(written.any()) == (window == 2)


def test_a_window_of_one_is_a_detached_objective() -> None:
    settings = {"task": EXPERIMENT.task, "tasks": 6, "steps": 3, "points": 5, "queries": 4}
    amortizer = awake(EXPERIMENT)
    one, detached, through = (
        gradient(next(Unrolled(**settings, **how)(amortizer, torch.Generator().manual_seed(0))), amortizer)
        for how in ({"window": 1}, {"detach": True}, {"window": 2})
    )
    torch.testing.assert_close(one, detached)
    assert not torch.allclose(one, through, rtol=1e-2)


def test_detached_roll_out_is_the_greedy_loss() -> None:
    amortizer, batches, queries = rolled(3)
    expected, state = [], amortizer.regime.init(queries.x)
    for batch in batches:
        value, state = greedy_loss(amortizer, squared_error, state, batch, queries)
        expected.append(value)
    found = rollout_losses(amortizer, squared_error, batches, queries, window=1)
    torch.testing.assert_close(torch.stack(list(found)), torch.stack(expected))


def test_unrolled_objective_is_their_mean() -> None:
    experiment = EXPERIMENT
    objective = objective_like(experiment.objective, Unrolled)
    amortizer, (batches, queries) = (
        awake(experiment),
        data(experiment, tasks=objective.tasks // objective.steps),
    )
    (loss,) = objective(amortizer, torch.Generator().manual_seed(1))
    expected = torch.stack(list(rollout_losses(amortizer, squared_error, batches, queries, window=0))).mean()
    torch.testing.assert_close(loss, expected)


def mean_gradients(objective, amortizer, updates: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard error of an objective's gradient with weights at rest, along a few fixed directions."""
    directions = torch.randn(
        12, sum(p.numel() for p in amortizer.parameters()), generator=torch.Generator().manual_seed(5)
    )
    found, seed = [], 0
    while len(found) < updates:
        losses = objective(amortizer, torch.Generator().manual_seed(seed))
        found += [directions @ gradient(loss, amortizer) for loss in losses]
        seed += 1
    rows = torch.stack(found)
    return rows.mean(0), rows.std(0) / len(rows) ** 0.5


def test_pool_roll_outs_and_random_steps_have_one_expected_gradient_and_it_is_not_that_through_time() -> None:
    settings = {"task": LinearRegression(dimension=2), "tasks": 12, "steps": 3, "points": 5, "queries": 8}
    amortizer = awake(small(objective=Greedy(**settings)))
    pool, error = mean_gradients(
        Greedy(**settings, passes_per_fill=400), amortizer, 1200
    )  # few fillings: updates are correlated

    def x_share(other) -> float:
        mean, its = mean_gradients(other, amortizer, 60)
        return ((pool - mean) / (error.square() + its.square()).sqrt()).square().mean().sqrt().item()

    assert x_share(Unrolled(**settings, detach=True)) < 2.0
    assert x_share(RandomStep(**settings)) < 2.0
    assert x_share(Unrolled(**settings)) > 4.0


def peaks(steps: int) -> tuple[int, int]:
    """Bytes held at most by a greedy and by an unrolled roll-out."""
    amortizer, batches, queries = rolled(steps, signal=Signal(kind="data"))

    def roll(window: int) -> Iterator[torch.Tensor]:
        return rollout_losses(amortizer, squared_error, batches, queries, window=window)

    def greedy() -> None:
        for value in roll(window=1):
            value.backward()

    def unrolled() -> None:
        list(roll(window=0))[-1].backward()

    return peak_saved_bytes(greedy), peak_saved_bytes(unrolled)


def test_greedy_memory_is_flat_and_unrolled_memory_grows() -> None:
    greedy, unrolled = zip(*map(peaks, (1, 4, 16)))
    assert max(greedy) < 1.05 * min(greedy)
    assert unrolled[1] > 2.5 * unrolled[0]
    assert unrolled[2] > 3 * unrolled[1]


def test_saved_bytes_are_those_of_the_tensors_kept() -> None:
    x = torch.ones(1000, requires_grad=True)

    def square_twice() -> None:
        first = x * x  # keeps x, once, and so does
        (first + x * x).sum().backward()

    assert peak_saved_bytes(square_twice) == 4000

    def in_turn() -> None:
        for _ in range(3):
            x.exp().sum().backward()  # keeps exp(x), until backward

    assert peak_saved_bytes(in_turn) == 4000
