"""The rows of the paper's tables and of further task families, with the settings that a family shares."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from iai.evaluation import EvaluationConfig
from iai.experiment import Experiment, RegimeName
from iai.model import RefinerConfig, RelationsConfig, Signal, Signals
from iai.study.registry.sizes import JUDGING, JUDGING_ORDERS, SIZES, Profile, Size
from iai.study.registry.variants import vary
from iai.tasks import CausalOrder, Features, Images, Letters, LinearRegression, Mixture, Smooth, SmoothClasses
from iai.training import Greedy, TrainConfig
from iai.types import Task


def amortizer(
    regime: RegimeName, kind: Signals, size: Size, task: Task, sets: dict[str, Any], refiner: RefinerConfig
) -> Experiment:
    """An amortizer of a size, trained on `task` and judged by `sets`."""
    # Independent slots compare inputs alone: x starts apart from all else, unless products of x and y are shown.
    x_share = 2 / 3 if regime == "implicit" and not refiner.bilinear else 0.0
    return Experiment(
        regime=regime,
        signal=Signal(kind=kind),
        objective=Greedy(
            task=task,
            tasks=size.tasks,
            steps=size.steps,
            points=size.points,
            queries=size.queries,
            growth=0.3,
            passes_per_fill=size.passes,
        ),
        evaluation_sets=sets,
        evaluation=EvaluationConfig(points=size.points, tasks=size.evaluated, seed=JUDGING),
        latent=size.latent,
        refiner=replace(refiner, width=size.width, depth=size.depth, feedforward=4 * size.width, x_share=x_share),
        train=replace(TrainConfig(updates=size.updates, lr=size.lr), **muon(size)),
    )


def muon(size: Size) -> dict[str, Any]:
    """The settings of Muon where a size has a rate for it."""
    return {"optimizer": "muon", "matrix_lr": size.matrix_lr} if size.matrix_lr else {}


def linear_regression(regime: RegimeName, kind: Signals, profile: Profile) -> Experiment:
    """Trained and judged on the same tasks."""
    size = SIZES["linear-regression"][profile]
    task = LinearRegression(dimension=size.dimension, bias=True, noise_variance=0.25)
    refiner = RefinerConfig(heads=2, bilinear=profile == "smoke")
    found = amortizer(regime, kind, size, task, {"linear-regression": task}, refiner)
    return replace(found, theta="coordinate") if (regime, profile) == ("parametric", "paper") else found


def mnist(regime: RegimeName, kind: Signals, profile: Profile) -> Experiment:
    """A random projection and a random order of the labels a task; judged on MNIST and on Fashion-MNIST."""
    size, small = SIZES["mnist"][profile], profile == "smoke"
    task = Images(projection=size.dimension, ways=5 if small else 10, source="sample" if small else "full")
    sets = {name: replace(task, dataset=name, split="test") for name in ("mnist", "fashion-mnist")}
    return amortizer(regime, kind, size, task, sets, RefinerConfig(heads=1, bilinear=False))


def features(regime: RegimeName, kind: Signals, profile: Profile) -> Experiment:
    """Trained on some classes of Tiny-ImageNet, judged on classes held out, on CIFAR-10 and on CIFAR-100.

    The settings were found by hand on validation classes.
    """
    size, small = SIZES["features"][profile], profile == "smoke"
    name, ways = ("mnist+fashion-mnist", 4) if small else ("tiny-imagenet", 10)
    task = Features(dataset=name, source="sample" if small else "full", ways=ways, projection=size.dimension)
    # Held-out classes have enough examples for 20 steps among those of the set's training part alone.
    sets = {"held-out": replace(task, classes="held-out")}
    for other in () if small else ("cifar10", "cifar100"):
        sets[other] = replace(task, dataset=other, classes="all", split="test")
    return amortizer(regime, kind, size, task, sets, RefinerConfig(heads=1, bilinear=False))


def causal_order(regime: RegimeName, kind: Signals, profile: Profile) -> Experiment:
    """Trained on two families of graphs, two mechanisms, Gaussian noise; judged on each, and on all that is new.

    The settings were found by hand on tasks of another seed.
    """
    size = SIZES["causal-order"][profile]
    task = CausalOrder(nodes=size.dimension)
    sets = {
        "as-trained": task,
        "linear": replace(task, mechanisms=("linear",)),
        "fourier": replace(task, mechanisms=("fourier",)),
        "new-graphs-and-noise": replace(task, graphs=("stochastic-block", "small-world"), noise="laplace"),
    }
    evaluation = {"queries": size.queries, "steps": 5 if profile == "smoke" else 20, "seed": JUDGING_ORDERS}
    found = amortizer(regime, kind, size, task, sets, RelationsConfig(heads=2))
    return vary(found, objective={"growth": 0.0}, evaluation=evaluation)


def generation(task: Mixture | Letters, regime: RegimeName, profile: Profile) -> Experiment:
    """Trained on tasks of one law; judged on more of them, and on mixtures of twice the components or a new letter.

    The settings (width, depth, updates, rate, queries) were found by hand for the implicit and parametric data rows of
    2-D mixtures of another seed. More updates helped most; to show the product of x and y, or z itself, helped little
    or not at all. Letters were tried on X, at a smaller size; the other rows have the same settings.
    """
    size = SIZES["generation, implicit" if regime == "implicit" else "generation"][profile]
    sets: dict[str, Any] = (
        {"train-letters": task, "test": replace(task, split="test")}
        if isinstance(task, Letters)
        else {"as-trained": task, "more-components": replace(task, components=2 * task.components)}
    )
    steps, tasks = {"smoke": (5, 4), "small": (20, 128), "paper": (20, 128)}[profile]
    found = amortizer(regime, "data", size, task, sets, RefinerConfig(heads=2, bilinear=False))
    own = {"theta": "component"} if regime == "parametric" else {}
    return vary(found, evaluation={"steps": steps, "generation_tasks": tasks}, **own)


def smooth(task: Smooth, regime: RegimeName, kind: Signals, profile: Profile) -> Experiment:
    """Trained to take mini-batches of any size from states that whole ones have made; judged at whole ones."""
    found = amortizer(
        regime, kind, SIZES["smooth"][profile], task, {"as-trained": task}, RefinerConfig(heads=2, bilinear=False)
    )
    return vary(found, objective={"random_contexts": True}, train={"capture": False})


TABLES: dict[str, tuple[RegimeName, list[Signals]]] = {
    "table2": ("parametric", ["data", "grad", "grad+data"]),
    "table4": ("implicit", ["data"]),
    "table3": ("explicit", ["data", "grad", "grad+data"]),
}
"""Regime and signals of each of the paper's tables."""
MODELS = [(regime, kind) for regime, kinds in TABLES.values() for kind in kinds]
GENERATED: dict[str, tuple[Mixture | Letters, tuple[RegimeName, ...]]] = {
    "mixture-2d": (Mixture(dimension=2), ("parametric", "explicit", "implicit")),
    "mixture-5d": (Mixture(dimension=5), ("parametric", "implicit")),
    "letters": (Letters(), ("implicit",)),
}
"""Tasks of generation, and the regimes that learn each from data."""

SMOOTH: dict[str, Smooth] = {"curve": Smooth(), "map": SmoothClasses()}

ROWS: dict[str, Callable[[Profile], Experiment]] = {
    f"{table}/{family}/{kind}": partial(make, regime, kind)
    for table, (regime, kinds) in TABLES.items()
    for family, make in {"linear-regression": linear_regression, "mnist": mnist}.items()
    for kind in kinds
}
"""How the rows of Tables 2 to 4 are made: with the settings that all rows of their family share."""
RESIDUAL: dict[str, Callable[[Profile], Experiment]] = {
    f"residual/{family}/{regime}/{kind}": partial(make, regime, kind)
    for family, make in {"linear-regression": linear_regression, "mnist": mnist}.items()
    for regime in ("parametric", "explicit")
    for kind in ("residual", "grad+residual")
}
"""Rows beside those tables: of our residual signal, which the paper has not."""
FURTHER: dict[str, Callable[[Profile], Experiment]] = {
    **{f"features/{regime}/{kind}": partial(features, regime, kind) for regime, kind in MODELS},
    "causal-order/implicit/data": partial(causal_order, "implicit", "data"),
    **{
        f"generation/{name}/{regime}/data": partial(generation, task, regime)
        for name, (task, regimes) in GENERATED.items()
        for regime in regimes
    },
    **{f"smooth/{name}/implicit/data": partial(smooth, task, "implicit", "data") for name, task in SMOOTH.items()},
}
"""The rows of other families. Their sizes were found by hand; at `small` their rates have trials."""


def defaults(row: str, profile: Profile) -> Experiment:
    """A row with the settings that all rows of its family share."""
    return (ROWS | RESIDUAL | FURTHER)[row](profile)
