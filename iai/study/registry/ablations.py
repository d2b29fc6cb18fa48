"""One setting of a model changed at a time, all else kept: the keys of chapter 12, `<what>/<family>/<value>`."""

from dataclasses import replace
from functools import partial

from iai.experiment import Experiment
from iai.study.registry.families import defaults
from iai.study.registry.sizes import Profile
from iai.study.registry.trials import chosen, tuned
from iai.study.registry.variants import objective_like, vary, with_updates
from iai.tasks import InTurn, LinearRegression, Reused
from iai.training import Unrolled

BASES = {"linear-regression": "table2/linear-regression/data", "mnist": "table4/mnist/data"}
"""The rows that ablations start from and are compared with: parametric, and implicit."""
DIMENSIONS = {2: (4, 120), 8: (8, 120), 32: (16, 80), 128: (64, 40)}
"""Points a step and tasks an update at each dimension; at `smoke` 40 tasks, of 8 points and dimensions at most."""
UPDATES = {2: 1000, 8: 1000, 32: 1500, 128: 800}
"""Updates at each dimension of `small`, where theta is in coordinates: an update then costs more, and teaches more."""
MEMORIES = {
    10: ((0, 1), (0, 3), (1, 3), (4, 3), (16, 3), (4, 1), (4, 2), (4, 5), (4, 10)),
    32: ((0, 1), (0, 3), (4, 3), (4, 1), (4, 10)),
}
"""By dimension: numbers beside each one of theta, and steps that training looks back through, of ten."""
LAWS = (16, 256, 4096)
"""Fixed laws that training tasks may have."""


def experiments(profile: Profile) -> dict[str, Experiment]:
    """All ablations by key: changes to rows of the tables, most of them before the trials of the row."""
    regression = defaults(BASES["linear-regression"], profile)
    row = partial(chosen, profile=profile)
    implicit = row(BASES["mnist"])
    return {
        **{f"points/mnist/{n}": vary(implicit, objective={"points": n}, evaluation={"points": n}) for n in (16, 64)},
        **{f"state/mnist/{space}": vary(implicit, space=space) for space in ("latent", "softmax")},  # Fig. 4
        "history/linear-regression/grad+data": vary(row("table2/linear-regression/grad+data"), signal={"history": 2}),
        "history/mnist/grad": vary(row("table2/mnist/grad"), signal={"history": 2}),
        **masks(profile),
        **(by_dimension := dimensions(regression, profile)),
        **memories(
            row("residual/linear-regression/parametric/residual"),
            tuned("dimension/32/residual", by_dimension["dimension/32/residual"], profile),
        ),
        **{f"steps/linear-regression/{n}": with_steps(regression, n) for n in (2, 5, 20)},
        "steps/mnist/20": with_steps(implicit, 20),
        **{f"split/linear-regression/{n}": split(regression, n) for n in (5, 20)},
        "reuse/mnist/10": vary(
            implicit,
            evaluation_sets={name: Reused(task=one, distinct=10) for name, one in implicit.evaluation_sets.items()},
        ),
        **in_turn({"data": implicit, "grad": row("table2/mnist/grad")}),
        "update/linear-regression/absolute": vary(regression, refiner={"update": "absolute"}),
        "theta/mnist/data-one": vary(row("table2/mnist/data"), theta="one"),
        "theta/linear-regression/data-coordinate": vary(row("table2/linear-regression/data"), theta="coordinate"),
        **{f"size/linear-regression/width-{n}": with_width(regression, n) for n in (32, 128)},
        **{f"laws/mnist/{n}": with_laws(implicit, n) for n in LAWS},
        **{f"unrolled/linear-regression/{n}": unrolled(regression, n) for n in (1, 5)},
    }


def in_turn(rows: dict[str, Experiment]) -> dict[str, Experiment]:
    """Models for which classes arrive one after the other, and models trained as ever; both judged in both ways."""
    found: dict[str, Experiment] = {}
    for name, row in rows.items():
        test = row.evaluation_sets["mnist"]
        judged = vary(row, evaluation_sets={"in-turn": InTurn(task=test), "mnist": test}, evaluation={"steps": 10})
        found[f"in-turn/mnist/{name}"] = vary(judged, objective={"task": InTurn(task=row.task)})
        found[f"in-turn/mnist/{name}-shuffled"] = judged
    return found


def masks(profile: Profile) -> dict[str, Experiment]:
    """The causal and the full mask (App. F.1), judged also after a first mini-batch of every size.

    The rival that a causal mask really has is the full one trained on a random size an update, `full-random`.
    """
    found: dict[str, Experiment] = {}
    for name, row in BASES.items():
        whole = chosen(row, profile)
        eighths = {whole.evaluation.points * i // 8 for i in range(1, 9)}
        judged = vary(whole, evaluation={"contexts": tuple(sorted({1, *eighths} - {0}))})
        found |= {f"mask/{name}/{mask}": vary(judged, refiner={"mask": mask}) for mask in ("full", "causal")}
        found[f"mask/{name}/full-random"] = vary(
            judged, refiner={"mask": "full"}, objective={"random_contexts": True}, train={"capture": False}
        )
    return found


def dimensions(regression: Experiment, profile: Profile) -> dict[str, Experiment]:
    """Which signal is worth what at which dimension of theta."""
    found: dict[str, Experiment] = {}
    for label, (points, tasks) in DIMENSIONS.items():
        d = label
        if profile == "smoke":
            d, points, tasks = min(d, 8), min(points, 8), 40
        task = LinearRegression(dimension=d, bias=True, noise_variance=0.25)
        resized = vary(
            regression,
            objective={"task": task, "points": points, "queries": 2 * points, "tasks": tasks},
            evaluation_sets={"linear-regression": task},
            evaluation={"points": points},
        )
        if profile in ("small", "paper"):
            width = {128: 96}.get(label, 64)
            resized = vary(with_width(resized, width), theta="coordinate", train={"updates": UPDATES[label]})
        for kind in ("data", "grad", "grad+data", *(("residual", "grad+residual") if label == 32 else ())):
            found[f"dimension/{label}/{kind}"] = vary(resized, signal={"kind": kind})
    return found


def memories(ten: Experiment, more: Experiment) -> dict[str, Experiment]:
    """A memory beside theta that training through several steps can teach: `memory/<dimension>/<numbers>-<steps>`."""
    return {
        f"memory/{d}/{numbers}-{steps}": vary(unrolled(base, steps), memory=numbers)
        for (d, pairs), base in zip(MEMORIES.items(), (ten, more))
        for numbers, steps in pairs
    }


def with_steps(experiment: Experiment, steps: int) -> Experiment:
    """Trained on so many steps."""
    tasks = -(-experiment.objective.tasks // steps) * steps
    return vary(experiment, objective={"steps": steps, "tasks": tasks})


def split(experiment: Experiment, steps: int) -> Experiment:
    """The same data of a task in `steps` mini-batches, for as many tokens in training."""
    whole = experiment.objective
    points, tasks = whole.points * whole.steps // steps, -(-whole.tasks // steps) * steps
    objective = {"steps": steps, "points": points, "tasks": tasks}
    changed = vary(experiment, objective=objective, evaluation={"points": points, "steps": steps})
    return with_updates(changed, experiment.train.updates * (whole.points + 1) / (points + 1))


def with_width(experiment: Experiment, width: int) -> Experiment:
    """Narrower or wider."""
    return vary(experiment, refiner={"width": width, "feedforward": 4 * width})


def with_laws(images: Experiment, laws: int) -> Experiment:
    """Trained on a finite pool of tasks: does a model learn the tasks, or to learn? Judged on those tasks too."""
    changed = vary(images, objective={"task": {"distinct_laws": laws}})
    seen = {"seen-laws": vary(changed.task, split="test")}
    return vary(changed, evaluation_sets=seen | images.evaluation_sets)


def unrolled(experiment: Experiment, window: int) -> Experiment:
    """Truncated backpropagation through time, on the same roll-outs; a window of 1 is eq. 9."""
    return replace(experiment, objective=objective_like(experiment.objective, Unrolled, window=window))
