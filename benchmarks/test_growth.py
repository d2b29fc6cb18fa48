"""How time and memory grow: of one refinement with n, width and k, and of training with k."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from common import experiment, measure, named

from iai.experiment import build
from iai.model import RefinerConfig, Signal
from iai.study.measure.cost import peak_saved_bytes
from iai.study.measure.meter import peak_bytes
from iai.tasks import LinearRegression, episode
from iai.training import Greedy, Unrolled


def refinement(n: int, width: int, k: int) -> Callable[[], object]:
    chosen = experiment("implicit")
    chosen = replace(chosen, refiner=replace(chosen.refiner, width=width, feedforward=4 * width))
    batches, queries = episode(chosen.objective.task, torch.Generator().manual_seed(0), 8, k, n, 8)
    return partial(torch.no_grad()(build(chosen)), batches, queries.x)


GROWTH = (
    {f"n = {40 * 2**i}": (40 * 2**i, 128, 1) for i in range(5)}
    | {f"width = {32 * 2**i}": (40, 32 * 2**i, 1) for i in range(5)}
    | {f"k = {2**i}": (40, 128, 2**i) for i in range(5)}
)


@pytest.mark.benchmark(group="growth")
@pytest.mark.parametrize("size", list(GROWTH), ids=list(GROWTH))
def test_growth(benchmark: Any, size: str) -> None:
    work = refinement(*GROWTH[size])
    benchmark.extra_info["peak_bytes"] = peak_bytes(work)
    measure(benchmark, work, rounds=20)


def training(who: str, k: int, tasks: int = 64) -> Callable[[], object]:
    """One gradient: of all steps of a roll-out of `tasks` tasks, or of one step of as many tasks in flight."""
    task, sizes = LinearRegression(dimension=10), {"steps": k, "points": 10, "queries": 20}
    objective = (
        Greedy(task=task, tasks=tasks, **sizes) if who == "pool" else Unrolled(task=task, tasks=tasks * k, **sizes)
    )
    refiner = RefinerConfig(width=32, depth=2, heads=2, feedforward=128)
    model = build(experiment("parametric", objective=objective, signal=Signal(kind="data"), refiner=refiner))
    losses = iter(())

    def update() -> None:
        nonlocal losses
        loss = next(losses, None)
        if loss is None:
            losses = objective(model, torch.Generator().manual_seed(0))
            loss = next(losses)
        loss.backward()

    return update


@pytest.mark.parametrize("k", [2**i for i in range(7)])
@pytest.mark.parametrize("who", ["pool", "unrolled"])
def test_training(benchmark: Any, who: str, k: int) -> None:
    work = training(who, k)
    named(benchmark, "training with k steps: 64 tasks in flight (pool), 64 tasks unrolled", f"{who}, k = {k}")
    benchmark.extra_info["peak_bytes"] = peak_saved_bytes(work)
    measure(benchmark, work, rounds=20)
