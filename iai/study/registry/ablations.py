"""One habit of a model changed at a time, all else kept: the keys of the chapters on habits and on ablations."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Literal

from iai.experiment import Experiment
from iai.model.regimes import Signals, Space
from iai.study.registry.bases import BASES, Change, Make, base, each, from_row, with_objective
from iai.study.registry.families import features
from iai.study.registry.generation import generation
from iai.study.registry.tables import Profile, chosen, for_updates, with_refiner
from iai.tasks import Images, LinearRegression, Reused
from iai.training.objectives import Unrolled


def _token_scale() -> dict[str, Make]:
    """What the start of the encoders and of attention is worth."""
    images = {
        "matched": partial(with_refiner),
        "mixed": partial(with_refiner, x_share=0.0),
        "untied": partial(with_refiner, tied_qk=0.0),
        "unmatched": partial(with_refiner, x_share=0.0, scaled_inputs=False),
    }
    regression = {
        "product": partial(with_refiner, bilinear=True),
        "no-product": partial(with_refiner, bilinear=False),
    }
    return each("token-scale", {"mnist": images, "linear-regression": regression})


def _points() -> dict[str, Make]:
    """What the number of images a step does to the gain from steps."""

    def with_points(points: int, experiment: Experiment) -> Experiment:
        changed = with_objective(experiment, points=points)
        return replace(changed, evaluation=replace(changed.evaluation, points=points))

    row = "table4/mnist/data"
    return {f"points/mnist/{n}": partial(from_row, row, partial(with_points, n)) for n in (16, 64)}


def _rows_changed() -> dict[str, Make]:
    """Whole rows with one habit changed: the space of predictions (Fig. 4), and the history window."""

    def space(name: Space) -> Change:
        return lambda e: replace(e, space=name)

    def remembers(experiment: Experiment) -> Experiment:
        return replace(experiment, signal=replace(experiment.signal, history=2))

    images, regression = "table4/mnist/data", "table2/linear-regression/grad+data"
    return {
        "state/mnist/latent": partial(from_row, images, space("latent")),
        "state/mnist/softmax": partial(from_row, images, space("softmax")),
        "history/linear-regression/grad+data": partial(from_row, regression, remembers),
        "history/mnist/grad": partial(from_row, "table2/mnist/grad", remembers),
    }


def _masks() -> dict[str, Make]:
    """The causal and the full mask (App. F.1), judged also after a first mini-batch of every size."""

    def made(row: Make, mask: Literal["full", "causal"], profile: Profile) -> Experiment:
        whole = with_refiner(row(profile), mask=mask)
        points = whole.evaluation.points
        sizes = tuple(sorted({1, *(points * i // 8 for i in range(1, 9))} - {0}))
        return replace(whole, evaluation=replace(whole.evaluation, contexts=sizes))

    rows: dict[str, Make] = {family: partial(chosen, row) for family, row in BASES.items()}
    rows["features"] = partial(features, "implicit", "data")
    rows["mixture-2d"] = partial(generation, "mixture-2d", "implicit", "data")
    masks: tuple[Literal["full", "causal"], ...] = ("full", "causal")
    return {f"mask/{name}/{mask}": partial(made, row, mask) for name, row in rows.items() for mask in masks}


DIMENSIONS = {2: (4, 120), 8: (8, 120), 32: (16, 80), 128: (64, 40)}
"""Points a step and tasks in flight at each dimension; at `smoke` 40 tasks, of 8 points and dimensions at most."""


def _dimensions() -> dict[str, Make]:
    """Which signal is worth what at which dimension of theta."""

    def made(d: int, kind: Signals, profile: Profile) -> Experiment:
        start = base("linear-regression", profile)
        points, tasks = DIMENSIONS[d]
        if profile == "smoke":
            d, points, tasks = min(d, 8), min(points, 8), 40
        task = LinearRegression(dimension=d, bias=True, noise_variance=0.25)
        objective = replace(start.objective, task=task, points=points, queries=2 * points, tasks=tasks)
        return replace(
            start,
            signal=replace(start.signal, kind=kind),
            objective=objective,
            evaluation_sets={"linear-regression": task},
            evaluation=replace(start.evaluation, points=points),
        )

    kinds: tuple[Signals, ...] = ("data", "grad", "grad+data")
    return {f"dimension/{d}/{kind}": partial(made, d, kind) for d in DIMENSIONS for kind in kinds}


def _horizons() -> dict[str, Make]:
    """Steps in training, against steps at test."""

    def trained_on(steps: int, experiment: Experiment) -> Experiment:
        return with_objective(experiment, steps=min(steps, experiment.objective.steps))

    regression, images = (
        {str(steps): partial(trained_on, steps) for steps in known} for known in ((1, 2, 5), (1, 2, 4))
    )
    return each("steps", {"linear-regression": regression, "mnist": images})


def _splits() -> dict[str, Make]:
    """The same data of a task in fewer and larger mini-batches, for as many tokens in training."""

    def split(steps: int, experiment: Experiment) -> Experiment:
        whole = experiment.objective
        points = whole.points * whole.steps // steps
        changed = with_objective(experiment, steps=steps, points=points, tasks=-(-whole.tasks // steps) * steps)
        updates = experiment.train.updates * (whole.points + 1) / (points + 1)
        evaluation = replace(experiment.evaluation, points=points, steps=steps)
        return replace(changed, evaluation=evaluation, train=for_updates(experiment.train, updates))

    return each("split", {"linear-regression": {str(n): partial(split, n) for n in (1, 2, 5, 20)}})


def _reuse() -> dict[str, Make]:
    """Tasks with data for a few mini-batches, which are then read again."""

    def judged(experiment: Experiment) -> Experiment:
        """After fresh data throughout, and on data for 1, 2 and 5 mini-batches."""
        task = experiment.task
        sets = {str(n): Reused(task=task, distinct=n) for n in (1, 2, 5)}
        return replace(experiment, evaluation_sets={"fresh": task, **sets})

    def trained(distinct: int, experiment: Experiment) -> Experiment:
        return with_objective(judged(experiment), task=Reused(task=experiment.task, distinct=distinct))

    changes: Mapping[str, Change] = {"fresh": judged} | {str(n): partial(trained, n) for n in (1, 2, 5)}
    return each("reuse", {"linear-regression": changes})


def _habits() -> dict[str, Make]:
    """Absolute updates, one token for all of theta, other sizes."""

    def one_token(experiment: Experiment) -> Experiment:
        return replace(experiment, theta="one")

    absolute = partial(with_refiner, update="absolute")
    sizes: Mapping[str, Mapping[str, Change]] = {
        "linear-regression": {
            "width-32": partial(with_refiner, width=32, feedforward=128),
            "width-128": partial(with_refiner, width=128, feedforward=512),
            "depth-1": partial(with_refiner, depth=1),
            "depth-6": partial(with_refiner, depth=6),
        },
        "mnist": {
            "width-48": partial(with_refiner, width=48, feedforward=192),
            "width-192": partial(with_refiner, width=192, feedforward=768),
            "depth-1": partial(with_refiner, depth=1),
            "depth-4": partial(with_refiner, depth=4),
        },
    }
    tokens = {
        f"theta/mnist/{kind}-one": partial(from_row, f"table2/mnist/{kind}", one_token)
        for kind in ("data", "grad+data")
    }
    updates = {family: {"absolute": absolute} for family in BASES}
    return each("update", updates) | tokens | each("size", sizes)


LAWS = (16, 64, 256, 1024, 4096, 65536)
"""Fixed laws that training tasks may have; a `cpu` training of 700 updates draws about 2,700 tasks."""


def _laws() -> dict[str, Make]:
    """Finite pools of MNIST tasks: does a model learn the tasks, or to learn?"""

    def trained_on(laws: int, experiment: Experiment) -> Experiment:
        if not isinstance(experiment.task, Images):
            raise TypeError(f"{type(experiment.task).__name__} has no laws")
        task = replace(experiment.task, distinct_laws=laws)
        seen = {"seen-laws": replace(task, split="test")}
        return with_objective(replace(experiment, evaluation_sets=seen | experiment.evaluation_sets), task=task)

    return each("laws", {"mnist": {str(n): partial(trained_on, n) for n in LAWS}})


def _windows() -> dict[str, Make]:
    """Eq. 9 against truncated backpropagation through time, on the same roll-outs."""

    def through(window: int, experiment: Experiment) -> Experiment:
        pool = experiment.objective
        fields = ("task", "tasks", "steps", "points", "queries", "growth")
        settings = {name: getattr(pool, name) for name in fields}
        return replace(experiment, objective=Unrolled(**settings, window=window))

    windows = {str(n): partial(through, n) for n in (1, 2, 5)}
    return each("unrolled", dict.fromkeys(BASES, windows))


ABLATIONS: dict[str, Make] = {
    key: make
    for group in (
        _token_scale,
        _points,
        _rows_changed,
        _masks,
        _dimensions,
        _horizons,
        _splits,
        _reuse,
        _habits,
        _laws,
        _windows,
    )
    for key, make in group().items()
}
