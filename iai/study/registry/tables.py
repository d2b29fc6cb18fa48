"""The rows of the paper's Tables 2 to 4: what their families share, what was tried for each, and what it took."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeVar, get_args

from iai.evaluation.evaluate import EvaluationConfig
from iai.experiment import BaselineExperiment, Experiment, RegimeName
from iai.model.refiner import RefinerConfig
from iai.model.regimes import Signal, Signals
from iai.tasks import Features, Images, LinearRegression
from iai.training.loop import TrainConfig
from iai.training.objectives import Greedy

Profile = Literal["smoke", "cpu", "gpu"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
SECONDS: dict[str, float] = {"smoke": 10, "cpu": 180, "gpu": 180}
"""What a run of a profile may take: one core, one core, one H100-class GPU."""


JUDGING, CHOOSING = 3_500_000_000, 2**33
"""Seeds of the tasks that tables show, and of those by which settings are chosen.

PyTorch's generator on the CPU takes a seed modulo 2^32, so these are 3,500,000,000 and 0: what must differ is that.
"""


def linear_regression(profile: Profile) -> Experiment:
    """Shared by all rows of linear regression; the d = 100 of `gpu` is our reading of the paper's setting."""
    d, points = {"smoke": (4, 4), "cpu": (10, 10), "gpu": (100, 50)}[profile]
    tasks, updates, lr = LINEAR_REGRESSION_TRAINING[profile]
    width, depth = {"smoke": (32, 2), "cpu": (64, 3), "gpu": (256, 4)}[profile]
    task = LinearRegression(dimension=d, bias=True, noise_variance=0.25)
    return Experiment(
        regime="parametric",
        objective=Greedy(
            task=task,
            tasks=tasks,
            steps=10,
            points=points,
            queries=2 * points,
            growth=0.3,
            passes_per_fill=PASSES_PER_FILL[profile],
        ),
        evaluation_sets={"linear-regression": task},
        evaluation=EvaluationConfig(points=points, tasks={"smoke": 64, "cpu": 256, "gpu": 1024}[profile], seed=JUDGING),
        latent=2 * (d + 1),
        refiner=RefinerConfig(width=width, depth=depth, heads=2, feedforward=4 * width),
        train=TrainConfig(updates=updates, lr=lr),
    )


def mnist(profile: Profile) -> Experiment:
    """Shared by all rows of MNIST: a random projection and a random order of the labels a task."""
    source: Literal["full", "sample"] = "sample" if profile == "smoke" else "full"
    ways, projection = (5, 16) if profile == "smoke" else (10, 64)
    task = Images(dataset="mnist", law="both", projection=projection, ways=ways, source=source)
    tasks, steps, points = {"smoke": (12, 4, 16), "cpu": (16, 8, 32), "gpu": (60, 10, 64)}[profile]
    updates, lr = MNIST_TRAINING[profile]
    width, depth, latent = {"smoke": (32, 2, 24), "cpu": (96, 2, 80), "gpu": (256, 4, 80)}[profile]
    return Experiment(
        regime="parametric",
        objective=Greedy(
            task=task,
            tasks=tasks,
            steps=steps,
            points=points,
            queries=64,
            growth=0.3,
            passes_per_fill=PASSES_PER_FILL[profile],
        ),
        evaluation_sets={name: replace(task, dataset=name, split="test") for name in ("mnist", "fashion-mnist")},
        evaluation=EvaluationConfig(points=points, tasks={"smoke": 16, "cpu": 128, "gpu": 512}[profile], seed=JUDGING),
        latent=latent,
        refiner=RefinerConfig(width=width, depth=depth, heads=1, feedforward=4 * width, bilinear=False),
        train=TrainConfig(updates=updates, lr=lr),
    )


PASSES_PER_FILL = {"smoke": 4, "cpu": 4, "gpu": 40}
"""Passes of a pool between two fillings by profile: on a GPU the filling is not captured, and so is dear."""

LINEAR_REGRESSION_TRAINING = {"smoke": (40, 300, 3e-3), "cpu": (120, 2400, 3e-3), "gpu": (240, 12_000, 1e-3)}
"""Tasks in flight, updates and learning rate by profile."""

MNIST_TRAINING = {"smoke": (300, 3e-3), "cpu": (1400, 2e-3), "gpu": (10_000, 1e-3)}
"""Updates and learning rate by profile."""

CHOSEN: dict[str, str] = {
    "table2/linear-regression/data": "no-product",
    "table2/linear-regression/grad": "no-product",
    "table2/linear-regression/grad+data": "no-product",
    "table2/mnist/data": "lr-quarter",
    "table2/mnist/grad": "lr-quarter",
    "table2/mnist/grad+data": "lr-quarter",
    "table4/mnist/data": "apart-half",
    "table3/linear-regression/data": "no-product-lr-half",
    "table3/linear-regression/grad": "lr-quarter",
    "table3/linear-regression/grad+data": "lr-double",
    "table3/mnist/data": "lr-half",
    "table3/mnist/grad": "lr-quarter",
    "table3/mnist/grad+data": "lr-quarter",
}
"""The trial that a row's settings at `cpu` come from, if not "centre": the ledger's best on validation tasks."""


FAMILIES = {"linear-regression": linear_regression, "mnist": mnist}
TABLES: dict[str, tuple[RegimeName, list[Signals]]] = {
    "table2": ("parametric", ["data", "grad", "grad+data"]),
    "table4": ("implicit", ["data"]),
    "table3": ("explicit", ["data", "grad", "grad+data"]),
}
ROWS: dict[str, tuple[Callable[[Profile], Experiment], RegimeName, Signals]] = {
    f"{table}/{family}/{kind}": (base, regime, kind)
    for table, (regime, signals) in TABLES.items()
    for family, base in FAMILIES.items()
    for kind in signals
}
"""The rows of Tables 2 to 4: task family, regime and signal."""


def defaults(row: str, profile: Profile) -> Experiment:
    """A row with the settings that all rows of its family share."""
    base, regime, kind = ROWS[row]
    experiment = replace(base(profile), regime=regime, signal=Signal(kind=kind))
    if regime == "implicit":
        experiment = replace(experiment, refiner=for_queries(experiment.refiner))
    return experiment


def selected(row: str, profile: str) -> str:
    """The alternative whose settings a row trains with: at `cpu` its best trial."""
    return CHOSEN.get(row, "centre") if profile == "cpu" else "centre"


def chosen(row: str, profile: Profile) -> Experiment:
    """A row with its own settings."""
    return alternatives(row)[selected(row, profile)](defaults(row, profile))


Change = Callable[[Experiment], Experiment]
Trained = TypeVar("Trained", bound=Experiment | BaselineExperiment)
"""What has a training and is judged."""


def alternatives(row: str) -> dict[str, Change]:
    """What is tried on validation tasks for a row, around the settings that its family shares; ties go to the first."""
    changes: dict[str, Change] = {
        "centre": lambda e: e,
        "lr-double": partial(with_rate, factor=2.0),
        "lr-half": partial(with_rate, factor=1 / 2),
        "lr-quarter": partial(with_rate, factor=1 / 4),
    }
    if "linear-regression" in row:
        changes["no-product"] = partial(with_refiner, bilinear=False)
        changes["no-product-lr-half"] = lambda e: with_rate(with_refiner(e, bilinear=False), factor=1 / 2)
    elif row.startswith("table4"):
        changes |= {
            "mixed": partial(with_refiner, x_share=0.0),
            "apart-half": partial(with_refiner, x_share=0.5),
        }
        changes |= {
            "untied": partial(with_refiner, tied_qk=0.0),
            "deeper": partial(with_refiner, depth=3, width=72, feedforward=288),
        }
    else:  # the best rate lay at the end of the grid, which so went on until it did not
        changes["lr-eighth"] = partial(with_rate, factor=1 / 8)
        changes["lr-sixteenth"] = partial(with_rate, factor=1 / 16)
    return changes


def with_rate(experiment: Trained, factor: float) -> Trained:
    return replace(experiment, train=replace(experiment.train, lr=factor * experiment.train.lr))


def with_refiner(experiment: Experiment, **changes: Any) -> Experiment:
    return replace(experiment, refiner=replace(experiment.refiner, **changes))


def for_queries(config: RefinerConfig) -> RefinerConfig:
    """Independent slots compare inputs alone: x starts apart from all else, unless products of x and y are shown."""
    return config if config.bilinear else replace(config, x_share=2 / 3)


def half(experiment: Trained) -> Trained:
    """The same with half the updates."""
    return replace(experiment, train=replace(experiment.train, updates=experiment.train.updates // 2))


def for_updates(train: TrainConfig, updates: float) -> TrainConfig:
    """A training of so many updates, at most an eighth of them warm-up."""
    return replace(train, updates=round(updates), warmup=min(train.warmup, round(updates / 8)))


def judged_as_trial(experiment: Trained, steps: int | None = None) -> Trained:
    """The same judged by tasks that neither train nor appear in any table, at the last trained step or another."""
    task = experiment.task
    if isinstance(task, Images):
        task = replace(task, split="validation")
    elif isinstance(task, Features):
        task = replace(task, classes="validation")
    evaluation = replace(experiment.evaluation, steps=steps or experiment.objective.steps, seed=CHOOSING)
    return replace(experiment, evaluation_sets={"validation": task}, evaluation=evaluation)
