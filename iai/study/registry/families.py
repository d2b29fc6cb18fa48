"""Rows of task families beside those of Tables 2 to 4: classification of features, and topological order."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

from iai.evaluation.evaluate import EvaluationConfig
from iai.experiment import Experiment, RegimeName
from iai.model.refiner import RefinerConfig
from iai.model.regimes import Signal, Signals
from iai.model.relations import RelationsConfig
from iai.study.registry.generation import GENERATION
from iai.study.registry.tables import JUDGING, PASSES_PER_FILL, TABLES, Profile, for_queries
from iai.tasks import CausalOrder, Features
from iai.training.loop import TrainConfig
from iai.training.objectives import Greedy

JUDGING_ORDERS = 3_600_000_000
"""Seed of the tasks that judge orders: those of `JUDGING` were seen when the model was made."""


def features(regime: RegimeName, kind: Signals, profile: Profile) -> Experiment:
    """Trained on some classes of Tiny-ImageNet, judged on classes held out, on CIFAR-10 and on CIFAR-100."""
    small = profile == "smoke"
    projection, ways = {"smoke": (16, 4), "cpu": (64, 10), "gpu": (128, 10)}[profile]
    source: Literal["full", "sample"] = "sample" if small else "full"
    name = "mnist+fashion-mnist" if small else "tiny-imagenet"
    task = Features(dataset=name, source=source, ways=ways, projection=projection)
    tasks, steps, points, queries = {
        "smoke": (12, 4, 8, 32),
        "cpu": (20, 10, 20, 64),
        "gpu": (60, 10, 32, 64),
    }[profile]
    width, depth = {"smoke": (32, 2), "cpu": (96, 2), "gpu": (256, 4)}[profile]
    updates, lr = {"smoke": (300, 3e-3), "cpu": (2000, 1e-3), "gpu": (10_000, 1e-3)}[profile]
    # Held-out classes have enough examples for 20 steps among those of the set's training part alone.
    sets = {"held-out": replace(task, classes="held-out")}
    for other in () if small else ("cifar10", "cifar100"):
        sets[other] = replace(task, dataset=other, classes="all", split="test")
    refiner = RefinerConfig(width=width, depth=depth, heads=1, feedforward=4 * width, bilinear=False)
    return Experiment(
        regime=regime,
        signal=Signal(kind=kind),
        objective=Greedy(
            task=task,
            tasks=tasks,
            steps=steps,
            points=points,
            queries=queries,
            growth=0.3,
            passes_per_fill=PASSES_PER_FILL[profile],
        ),
        evaluation_sets=sets,
        evaluation=EvaluationConfig(points=points, tasks={"smoke": 16, "cpu": 128, "gpu": 512}[profile], seed=JUDGING),
        latent=80,
        refiner=for_queries(refiner) if regime == "implicit" else refiner,
        train=TrainConfig(updates=updates, lr=2 * lr if regime == "implicit" and not small else lr),
    )


def causal_order(profile: Profile) -> Experiment:
    """Trained on two families of graphs, two mechanisms, Gaussian noise; judged on each, and on all that is new."""
    nodes, points = {"smoke": (4, 32), "cpu": (6, 50), "gpu": (10, 100)}[profile]
    tasks, steps = {"smoke": (40, 5), "cpu": (60, 5), "gpu": (240, 10)}[profile]
    width, depth = {"smoke": (24, 1), "cpu": (32, 2), "gpu": (128, 4)}[profile]
    updates, lr = {"smoke": (250, 5e-3), "cpu": (2500, 3e-3), "gpu": (8000, 1e-3)}[profile]
    task = CausalOrder(nodes=nodes)
    new = replace(task, graphs=("stochastic-block", "small-world"), noise="laplace")
    return Experiment(
        regime="implicit",
        signal=Signal(kind="data"),
        objective=Greedy(
            task=task,
            tasks=tasks,
            steps=steps,
            points=points,
            queries=nodes,
            passes_per_fill=PASSES_PER_FILL[profile],
        ),
        evaluation_sets={
            "as-trained": task,
            "linear": replace(task, mechanisms=("linear",)),
            "fourier": replace(task, mechanisms=("fourier",)),
            "new-graphs-and-noise": new,
        },
        evaluation=EvaluationConfig(
            points=points,
            queries=nodes,
            steps=5 if profile == "smoke" else 20,
            tasks={"smoke": 32, "cpu": 256, "gpu": 1024}[profile],
            seed=JUDGING_ORDERS,
        ),
        refiner=RelationsConfig(width=width, depth=depth, heads=2, feedforward=4 * width),
        train=TrainConfig(updates=updates, lr=lr),
    )


FURTHER: dict[str, Callable[[Profile], Experiment]] = (
    {
        f"features/{regime}/{kind}": partial(features, regime, kind)
        for regime, signals in TABLES.values()
        for kind in signals
    }
    | {"causal-order/implicit/data": causal_order}
    | GENERATION
)
"""Rows whose settings were found by hand on validation classes, or on tasks of another seed."""
