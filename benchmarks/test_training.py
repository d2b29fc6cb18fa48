"""Updates of training: the pool beside unrolling, many context sizes beside one, the sampling of tasks, Adam's step."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from common import CONFIG, adamw, experiment, measure, named
from torch import nn

from iai.experiment import build
from iai.losses import squared_error
from iai.model import Amortizer, Signal
from iai.study.registry import experiment as registered
from iai.tasks import Images, LinearRegression, episode
from iai.training import Greedy, Progress, rollout_losses, train_step
from iai.types import Batch, UserError


def pool(steps: int = 10, tasks: int = 40) -> tuple[Amortizer, Greedy]:
    objective = Greedy(task=LinearRegression(dimension=10), tasks=tasks, steps=steps, points=10, queries=20)
    return build(experiment("parametric", objective=objective, signal=Signal(kind="data"))), objective


@pytest.mark.benchmark(group="400 trained states")
def test_floor_unrolled_greedy(benchmark: Any) -> None:
    """Ten updates on all tasks, one a step: what the pool must not be dearer than."""
    (model, objective), generator = pool(), torch.Generator().manual_seed(0)
    optimizer, progress = adamw(model), Progress()

    def rollout() -> None:
        batches, queries = episode(objective.task, generator, 40, 10, 10, 20)
        for loss in rollout_losses(model, squared_error, batches, queries, window=1):
            train_step(loss, model, optimizer, CONFIG, progress)

    measure(benchmark, rollout)


@pytest.mark.benchmark(group="400 trained states")
def test_ours_pool(benchmark: Any) -> None:
    """Ten updates of the pool, the filling of it paid for in proportion (a pool lives for forty)."""
    model, objective = pool()
    optimizer, progress = adamw(model), Progress()
    losses = iter(())

    def updates() -> None:
        nonlocal losses
        for _ in range(10):
            loss = next(losses, None)
            if loss is None:
                losses = objective(model, torch.Generator().manual_seed(progress.update))
                loss = next(losses)
            train_step(loss, model, optimizer, CONFIG, progress)

    measure(benchmark, updates, rounds=40)


def contexts(mask: str) -> Callable[[], object]:
    """A greedy update that trains one context size under the full mask, and many under the causal one."""
    chosen = experiment("implicit")
    chosen = replace(chosen, refiner=replace(chosen.refiner, mask=mask))
    model = build(chosen)
    optimizer, progress = adamw(model), Progress()
    counter = iter(range(1_000_000))

    def update() -> None:
        loss = next(chosen.objective(model, torch.Generator().manual_seed(next(counter))))
        train_step(loss, model, optimizer, CONFIG, progress)

    return update


@pytest.mark.benchmark(group="one update: one context size (floor), or a size a query (causal)")
@pytest.mark.parametrize(("who", "mask"), [("floor", "full"), ("ours", "causal")])
def test_context_sizes(benchmark: Any, who: str, mask: str) -> None:
    measure(benchmark, contexts(mask))


def optimizer_step(who: str) -> Callable[[], object]:
    """One step on a linear softmax of 784 x 10 from a batch of 32."""
    x, y = torch.randn(32, 784), torch.randint(10, (32,))
    theta = nn.Parameter(torch.zeros(10, 785))
    adam = torch.optim.Adam([theta], lr=1e-2, fused=True)

    def classical() -> None:
        adam.zero_grad()
        F.cross_entropy(x @ theta[:, :-1].T + theta[:, -1], y).backward()
        adam.step()

    task = Images(law="permutation", source="sample")
    chosen = experiment(
        "parametric",
        signal=Signal(kind="grad"),
        objective=replace(experiment("implicit").objective, task=task),
    )
    model, batch = build(chosen), Batch(x[None], F.one_hot(y, 10).float()[None])
    state = model.regime.init(x[None])
    return classical if who == "floor" else partial(torch.no_grad()(model.step), state, batch)


@pytest.mark.benchmark(group="one step on a softmax of 784 x 10: Adam (floor), a learned optimizer of 4 layers")
@pytest.mark.parametrize("who", ["floor", "ours"])
def test_optimizer_step(benchmark: Any, who: str) -> None:
    measure(benchmark, optimizer_step(who), rounds=100)


SAMPLED = {"linear regression": "table2/linear-regression/data", "MNIST": "table4/mnist/data"}


def sampling(name: str, who: str) -> Callable[[], object]:
    """One update of a pool that is full (the floor), or the sampling of the one new cohort in it."""
    chosen = registered(SAMPLED[name], "small")
    model, objective, progress = build(chosen), chosen.objective, Progress()
    optimizer, losses = adamw(model), iter(())
    new = (objective.tasks // objective.steps, objective.steps, objective.points, objective.queries)

    def update() -> None:
        nonlocal losses
        loss = next(losses, None)
        if loss is None:
            losses = objective(model, torch.Generator().manual_seed(progress.update))
            loss = next(losses)
        train_step(loss, model, optimizer, CONFIG, progress)

    generator = torch.Generator().manual_seed(0)
    return update if who == "floor" else partial(episode, objective.task, generator, *new)


@pytest.mark.parametrize("who", ["floor", "sampling"])
@pytest.mark.parametrize("name", list(SAMPLED))
def test_sampling(benchmark: Any, name: str, who: str) -> None:
    named(benchmark, f"sampling of tasks in one update of the pool (floor): {name}", who)
    try:
        work = sampling(name, who)
        work()
    except UserError as error:
        pytest.skip(str(error))
    measure(benchmark, work, rounds=40)
