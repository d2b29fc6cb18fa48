"""Small experiments, and amortizers that are awake: no head is zero, so no equation holds for free."""

from dataclasses import replace
from typing import Any

import torch

from iai.evaluation import EvaluationConfig
from iai.experiment import Experiment, build
from iai.model import Amortizer, RefinerConfig
from iai.tasks import LinearRegression, episode
from iai.training import Greedy, TrainConfig
from iai.types import Batch, Learner

REFINER = RefinerConfig(width=16, depth=2, heads=2, feedforward=32)


def small(
    regime: str = "parametric", task: Any = None, refiner: dict[str, Any] | None = None, **changes: Any
) -> Experiment:
    """An experiment that trains in a fraction of a second."""
    task = task or LinearRegression(dimension=2)
    plain = Experiment(
        regime=regime,
        objective=Greedy(task=task, tasks=4, steps=2, points=5, queries=4),
        evaluation_sets={"same": task},
        evaluation=EvaluationConfig(tasks=4, steps=3, points=5, queries=4),
        latent=3,
        refiner=replace(REFINER, **(refiner or {})),
        train=TrainConfig(updates=8, warmup=2),
    )
    return replace(plain, **changes)


@torch.no_grad()
def awake(experiment: Experiment, seed: int = 0) -> Amortizer:
    """The amortizer of an experiment with a random head and a random start: as if trained, but at no cost."""
    amortizer = build(experiment, seed)
    generator = torch.Generator().manual_seed(seed)
    for tensor, sd in (
        (amortizer.refiner.head.weight, 0.2),
        (amortizer.refiner.head.bias, 0.2),
        (amortizer.regime.initial, 0.5),
    ):
        tensor.normal_(0, sd, generator=generator)
    return amortizer


def data(experiment: Experiment, seed: int = 1, tasks: int = 3) -> tuple[list[Batch], Batch]:
    """Mini-batches and queries of a few tasks."""
    objective = experiment.objective
    generator = torch.Generator().manual_seed(seed)
    return episode(objective.task, generator, tasks, objective.steps, objective.points, objective.queries)


@torch.no_grad()
def answers_degenerate_sizes(learner: Learner, batches: list[Batch], queries: Batch) -> None:
    """An empty mini-batch is as good as none; no query, one observation and one task are answered."""
    empty, x = batches[0][:0], queries.x
    assert torch.equal(learner([empty], x), learner([], x))
    assert torch.equal(learner([empty, batches[0], empty, *batches[1:]], x), learner(batches, x))
    for seen in ([], [empty], batches):
        assert learner(seen, x[:, :0]).shape == queries.y[:, :0].shape
    one, alone = learner([batches[0][:1]], x), learner([batch.tasks(slice(1)) for batch in batches], x[:1])
    assert one.shape == queries.y.shape and one.isfinite().all()
    assert alone.shape == queries.y[:1].shape and alone.isfinite().all()


def answers_on_the_device_of_the_data(learner: Learner, batches: list[Batch], queries: Batch) -> None:
    """Whatever torch's default device: what is made without naming a device would be of no use."""
    for seen in ([], batches):
        with torch.device("meta"):
            found = learner(seen, queries.x)
        assert torch.equal(found, learner(seen, queries.x))
