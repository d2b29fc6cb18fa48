"""What the benchmarks share: rounds, the yardstick's experiment, its data and optimizer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from iai.evaluation import EvaluationConfig
from iai.experiment import Experiment
from iai.model import RefinerConfig
from iai.tasks import LinearRegression, episode
from iai.training import Greedy, TrainConfig
from iai.types import Batch

ROUNDS = 25
CONFIG = TrainConfig(updates=10_000, lr=1e-4)


def measure(benchmark: Any, work: Callable[[], object], rounds: int = ROUNDS) -> None:
    benchmark.pedantic(work, rounds=rounds, iterations=1, warmup_rounds=3 if rounds > 3 else 1)


def named(benchmark: Any, group: str, member: str) -> None:
    """Say what a parametrised benchmark is in the ledger, where its test's own name and parameters do not."""
    benchmark.group, benchmark.extra_info["member"] = group, member


def experiment(regime: str, **changes: Any) -> Experiment:
    """The size of the yardstick: d = 20, 4 layers of width 128, 4 heads, 64 tasks of 40 + 20 points."""
    task = LinearRegression(dimension=20, bias=False)
    return replace(
        Experiment(
            regime=regime,
            objective=Greedy(task=task, tasks=64, steps=1, points=40, queries=20),
            evaluation_sets={},
            evaluation=EvaluationConfig(),
            refiner=RefinerConfig(width=128, depth=4, heads=4, feedforward=512, bilinear=False),
        ),
        **changes,
    )


def adamw(model: nn.Module) -> torch.optim.AdamW:
    return torch.optim.AdamW(model.parameters(), lr=CONFIG.lr, fused=True)


def regression() -> tuple[Batch, Batch]:
    chosen = experiment("implicit").objective
    (batch,), queries = episode(chosen.task, torch.Generator().manual_seed(0), 64, 1, 40, 20)
    return batch, queries
