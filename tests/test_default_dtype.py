"""With float64 as torch's default dtype everything is drawn, trained, evaluated and compared in float64."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from small import data, small

from iai import experiment
from iai.baselines import learned
from iai.baselines.classical import for_task
from iai.evaluation import EvaluationConfig, evaluate
from iai.experiment import BaselineExperiment, build
from iai.model import RelationsConfig, Signal
from iai.tasks import (
    CausalOrder,
    Features,
    Gravity,
    Images,
    InTurn,
    Letters,
    LinearRegression,
    Mixture,
    Relabelled,
    Reused,
    Smooth,
    SmoothClasses,
    Stored,
    episode,
)
from iai.training import EndToEnd, Greedy, TrainConfig, train
from iai.types import Task

NODES = 4
TASKS: dict[str, Task] = {
    "causal-order": CausalOrder(nodes=NODES, graphs=("stochastic-block", "small-world"), noise="laplace"),
    "features": Features(dataset="mnist", source="sample", ways=3),
    "features-projected": Features(dataset="mnist", source="sample", ways=3, projection=5),
    "gravity": Gravity(),
    "images": Images(source="sample", projection=5, ways=3),
    "pixels": Images(source="sample", law="permutation", ways=3),
    "letters": Letters(),
    "linear-regression": LinearRegression(dimension=2, inputs="sphere"),
    "mixture": Mixture(components=3),
    "smooth": Smooth(),
    "smooth-classes": SmoothClasses(features=4),
    "reused": Reused(task=LinearRegression(dimension=2), distinct=1),
    "in-turn": InTurn(task=Images(source="sample", projection=5, ways=3)),
}
REGIMES = [
    (regime, name)
    for name, task in TASKS.items()
    for regime in ("parametric", "explicit", "implicit", "relations")
    if (regime != "parametric" or hasattr(task, "decode")) and (regime != "relations" or name == "causal-order")
]
CONFIGS: list[learned.LearnedBaselineConfig] = [
    learned.MAMLConfig(),
    learned.AttentiveCNPConfig(width=8, heads=2),
    learned.LSTMConfig(width=4),
]
CONFIG = EvaluationConfig(tasks=2, steps=2, points=3, queries=NODES)


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_every_family_of_tasks_is_here() -> None:
    assert {type(task) for task in TASKS.values()} == {*experiment.TASKS} - {Relabelled, Stored}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_draws_in_the_default_dtype(name: str) -> None:
    for dtype in (torch.float64, torch.float32):  # and what a process keeps of its data has none
        torch.set_default_dtype(dtype)
        batches, queries = episode(TASKS[name], torch.Generator().manual_seed(0), 2, 2, 3, NODES)
        assert {values.dtype for batch in [*batches, queries] for values in (batch.x, batch.y)} == {dtype}


@pytest.mark.parametrize(("regime", "name"), REGIMES)
def test_an_amortizer_trains_and_answers(regime: str, name: str) -> None:
    task, theta = TASKS[name], regime in ("parametric", "explicit") and name != "causal-order"  # which has no targets
    chosen = small(
        "implicit" if regime == "relations" else regime,
        task,
        signal=Signal(kind="grad+data" if theta else "data", history=int(regime != "relations")),
        objective=Greedy(task=task, tasks=2, steps=2, points=3, queries=NODES, passes_per_fill=1),
        train=TrainConfig(updates=2, warmup=1),
    )
    if regime == "relations":
        chosen = replace(chosen, refiner=RelationsConfig(width=8, depth=1, heads=2, feedforward=8))
    model, (batches, queries) = build(chosen), data(chosen)
    progress = train(model, chosen.objective, chosen.train, seed=0, show=False)
    assert {values.dtype for values in (progress.losses[0], model(batches, queries.x))} == {torch.float64}
    assert all(torch.tensor(evaluate(model, task, CONFIG)["loss"]["mean"]).isfinite())


@pytest.mark.parametrize("name", TASKS)
def test_classical_baselines_answer(name: str) -> None:
    batches, queries = episode(TASKS[name], torch.Generator().manual_seed(0), 2, 2, 3, NODES)
    for learner in for_task(TASKS[name], points=3, steps=1).values():
        for seen in ([], batches):
            assert learner(seen, queries.x).dtype == torch.float64
        assert evaluate(learner, TASKS[name], CONFIG)["loss"]["mean"][2] is not None


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: type(config).__name__)
@pytest.mark.parametrize("name", ["linear-regression", "images"])
def test_learned_baselines_train_and_answer(config: learned.LearnedBaselineConfig, name: str) -> None:
    task = TASKS[name]
    chosen = BaselineExperiment(
        learner=config,
        objective=EndToEnd(task=task, tasks=2, steps=2, points=3, queries=NODES),
        evaluation_sets={},
        evaluation=CONFIG,
        train=TrainConfig(updates=2, warmup=1),
    )
    model = build(chosen)
    train(model, chosen.objective, chosen.train, seed=0, show=False)
    batches, queries = episode(task, torch.Generator().manual_seed(0), 2, 2, 3, NODES)
    assert model(batches, queries.x).dtype == torch.float64
