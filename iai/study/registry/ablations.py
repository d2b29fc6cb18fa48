"""One setting of a model changed at a time, all else kept: the keys of chapter 12, `<what>/<family>/<value>`."""

from dataclasses import replace
from functools import partial

from iai.experiment import Experiment
from iai.study.registry.choices import chosen
from iai.study.registry.families import defaults
from iai.study.registry.sizes import Profile
from iai.study.registry.variants import halved, objective_like, vary, with_updates
from iai.tasks import LinearRegression, Reused
from iai.training import Unrolled

BASES = {"linear-regression": "table2/linear-regression/data", "mnist": "table4/mnist/data"}
"""The rows that most ablations start from: parametric, and implicit. Training costs are measured on them too."""
BASE_KEYS = {"linear-regression": "token-scale/linear-regression/no-product", "mnist": "token-scale/mnist/matched"}
"""The keys under which `base` is recorded."""
DIMENSIONS = {2: (4, 120), 8: (8, 120), 32: (16, 80), 128: (64, 40)}
"""Points a step and tasks an update at each dimension; at `smoke` 40 tasks, of 8 points and dimensions at most."""
UPDATES = {2: 1000, 8: 1000, 32: 1500, 128: 800}
"""Updates at each dimension of `small`, where theta is in coordinates: an update then costs more, and teaches more."""
LAWS = (16, 64, 256, 1024, 4096, 65536)
"""Fixed laws that training tasks may have; a `cpu` training of 700 updates draws about 2,700 tasks."""


def base(family: str, profile: Profile, windows: bool = False) -> Experiment:
    """What most ablations of a family start from: its row in `BASES`, before trials, with half the updates.

    Windows of backpropagation have all of them at `small`: what they gain comes late.
    """
    row = defaults(BASES[family], profile)
    row = row if windows and profile == "small" else halved(row)
    return vary(row, refiner={"bilinear": False}) if family == "linear-regression" else row


def experiments(profile: Profile) -> dict[str, Experiment]:
    """All ablations by key: changes to the bases, or to whole rows of the tables."""
    regression, images = (base(family, profile) for family in BASES)
    row = partial(chosen, profile=profile)
    implicit = row("table4/mnist/data")
    return {
        "token-scale/mnist/matched": images,
        "token-scale/mnist/mixed": vary(images, refiner={"x_share": 0.0}),
        "token-scale/mnist/untied": vary(images, refiner={"tied_qk": 0.0}),
        "token-scale/mnist/unmatched": vary(images, refiner={"x_share": 0.0, "scaled_inputs": False}),
        "token-scale/linear-regression/product": vary(regression, refiner={"bilinear": True}),
        "token-scale/linear-regression/no-product": regression,
        **{f"points/mnist/{n}": vary(implicit, objective={"points": n}, evaluation={"points": n}) for n in (16, 64)},
        **{f"state/mnist/{space}": vary(implicit, space=space) for space in ("latent", "softmax")},  # Fig. 4
        "history/linear-regression/grad+data": vary(row("table2/linear-regression/grad+data"), signal={"history": 2}),
        "history/mnist/grad": vary(row("table2/mnist/grad"), signal={"history": 2}),
        **masks(profile),
        **dimensions(regression, profile),
        **{f"steps/linear-regression/{n}": vary(regression, objective={"steps": n}) for n in (1, 2, 5)},
        **{f"steps/mnist/{n}": vary(images, objective={"steps": n}) for n in (1, 2, 4)},
        **{f"split/linear-regression/{n}": split(regression, n) for n in (1, 2, 5, 20)},
        **reuse(regression),
        "reuse/mnist/10": vary(
            implicit,
            evaluation_sets={name: Reused(task=one, distinct=10) for name, one in implicit.evaluation_sets.items()},
        ),
        "update/linear-regression/absolute": vary(regression, refiner={"update": "absolute"}),
        "update/mnist/absolute": vary(images, refiner={"update": "absolute"}),
        "theta/mnist/data-one": vary(row("table2/mnist/data"), theta="one"),
        "theta/mnist/grad+data-one": vary(row("table2/mnist/grad+data"), theta="one"),
        **{
            f"theta/linear-regression/{kind}-coordinate": vary(
                row(f"table2/linear-regression/{kind}"), theta="coordinate"
            )
            for kind in ("data", "grad", "grad+data")
        },
        **{f"size/linear-regression/width-{n}": with_width(regression, n) for n in (32, 128)},
        **{f"size/linear-regression/depth-{n}": vary(regression, refiner={"depth": n}) for n in (1, 6)},
        **{f"size/mnist/width-{n}": with_width(images, n) for n in (48, 192)},
        **{f"size/mnist/depth-{n}": vary(images, refiner={"depth": n}) for n in (1, 4)},
        **{f"laws/mnist/{n}": with_laws(images, n) for n in LAWS},
        **{
            f"unrolled/{family}/{n}": unrolled(base(family, profile, windows=True), n)
            for family in BASES
            for n in (1, 2, 5)
        },
    }


def masks(profile: Profile) -> dict[str, Experiment]:
    """The causal and the full mask (App. F.1), judged also after a first mini-batch of every size.

    The rival that a causal mask really has is the full one trained on a random size an update, `full-random`.
    """
    found: dict[str, Experiment] = {}
    rows = BASES | {"features": "features/implicit/data", "mixture-2d": "generation/mixture-2d/implicit/data"}
    for name, row in rows.items():
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
        for kind in ("data", "grad", "grad+data", *(("residual", "grad+residual") if label > 8 else ())):
            found[f"dimension/{label}/{kind}"] = vary(resized, signal={"kind": kind})
    return found


def split(experiment: Experiment, steps: int) -> Experiment:
    """The same data of a task in `steps` mini-batches, for as many tokens in training."""
    whole = experiment.objective
    points, tasks = whole.points * whole.steps // steps, -(-whole.tasks // steps) * steps
    objective = {"steps": steps, "points": points, "tasks": tasks}
    changed = vary(experiment, objective=objective, evaluation={"points": points, "steps": steps})
    return with_updates(changed, experiment.train.updates * (whole.points + 1) / (points + 1))


def reuse(experiment: Experiment) -> dict[str, Experiment]:
    """Tasks with data for 1, 2 and 5 mini-batches, which are then read again: in training, and when judged."""
    task = experiment.task
    sets = {"fresh": task} | {str(n): Reused(task=task, distinct=n) for n in (1, 2, 5)}
    judged = vary(experiment, evaluation_sets=sets)
    return {f"reuse/linear-regression/{name}": vary(judged, objective={"task": made}) for name, made in sets.items()}


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
