"""Whole updates on a GPU: eager, compiled, captured, and both; with the share of the peak that they reach."""

from typing import Any

import pytest
import torch
from common import experiment, named

from iai.experiment import build
from iai.model import RefinerConfig, Signal
from iai.study.measure.cost import cost_of_update, peak_flops
from iai.study.measure.meter import seconds
from iai.tasks import LinearRegression
from iai.training import Greedy, Progress, TrainConfig
from iai.training.graph import CapturedUpdates

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
SIZES = {"256 wide, 4 layers, 64 tasks": (256, 4, 64), "512 wide, 8 layers, 256 tasks": (512, 8, 256)}
STEPS, PASSES_PER_FILL = 4, 10


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("how", ["eager (floor)", "compiled", "captured", "captured and compiled"])
def test_whole_update(benchmark: Any, size: str, how: str) -> None:
    """A roll-out of 40 updates of 100 tokens a task; the filling of the pool is in it."""
    named(benchmark, f"40 updates of 100 tokens a task: {size}", how)
    width, depth, tasks = SIZES[size]
    device = torch.device("cuda")
    objective = Greedy(
        task=LinearRegression(dimension=20, bias=False),
        tasks=tasks,
        steps=STEPS,
        points=99,
        queries=20,
        passes_per_fill=PASSES_PER_FILL,
    )
    refiner = RefinerConfig(width=width, depth=depth, heads=width // 64, feedforward=4 * width, bilinear=False)
    model = build(experiment("parametric", objective=objective, signal=Signal(kind="data"), refiner=refiner), 0, device)
    if "compiled" in how:
        model.refiner.compile()
    config = TrainConfig(updates=10_000, lr=1e-4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=torch.tensor(1e-4, device=device), fused=True, capturable=True)
    half = torch.autocast("cuda", torch.bfloat16, cache_enabled=False)
    whole, progress = CapturedUpdates(model, optimizer, config, half), Progress()
    whole.capturable = "captured" in how

    def roll_out() -> None:
        whole.roll_out(objective, progress.update, progress)
        torch.cuda.synchronize()

    benchmark.pedantic(roll_out, rounds=20, iterations=1, warmup_rounds=3)
    cost = cost_of_update(model, objective).flops * objective.updates
    took = min(seconds(roll_out, device) for _ in range(3))
    benchmark.extra_info["utilisation"] = round(cost / took / peak_flops(device, config), 4)
