"""Rows of generation by flow matching: Gaussian mixtures in two and in five dimensions, and letters."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from iai.evaluation.evaluate import EvaluationConfig
from iai.experiment import Experiment, RegimeName
from iai.model.refiner import RefinerConfig
from iai.model.regimes import Signal, Signals
from iai.study.registry.tables import JUDGING, PASSES_PER_FILL, TABLES, Profile, for_queries
from iai.tasks import Letters, Mixture
from iai.training.loop import TrainConfig
from iai.training.objectives import Greedy

TASKS: dict[str, Mixture | Letters] = {
    "mixture-2d": Mixture(dimension=2),
    "mixture-5d": Mixture(dimension=5),
    "letters": Letters(),
}
RATES = {"smoke": 3e-3, "cpu": 3e-3, "gpu": 1e-3}
"""Learning rates by profile."""
UPDATES = {"smoke": (150, 150), "cpu": (1500, 2000), "gpu": (10_000, 10_000)}
"""Updates by profile: of implicit models, where a query is a token, and of the others, where it costs little."""


def generation(name: str, regime: RegimeName, kind: Signals, profile: Profile) -> Experiment:
    """Trained on tasks of one law; judged on more of them, and on mixtures of twice the components or a new letter."""
    task = TASKS[name]
    implicit = regime == "implicit"
    tasks, steps, points = {"smoke": (12, 4, 16), "cpu": (20, 10, 32), "gpu": (120, 10, 64)}[profile]
    width, depth = {"smoke": (32, 1), "cpu": (48, 3), "gpu": (256, 4)}[profile]
    refiner = RefinerConfig(width=width, depth=depth, heads=2, feedforward=4 * width, bilinear=False)
    return Experiment(
        regime=regime,
        signal=Signal(kind=kind),
        objective=Greedy(
            task=task,
            tasks=tasks,
            steps=steps,
            points=points,
            queries=points if implicit else 4 * points,
            growth=0.3,
            passes_per_fill=PASSES_PER_FILL[profile],
        ),
        evaluation_sets=evaluation_sets(task),
        evaluation=EvaluationConfig(
            points=points,
            steps=5 if profile == "smoke" else 20,
            tasks={"smoke": 16, "cpu": 128, "gpu": 512}[profile],
            generation_tasks={"smoke": 4, "cpu": 16, "gpu": 64}[profile],
            seed=JUDGING,
        ),
        latent=48,
        refiner=for_queries(refiner) if implicit else refiner,
        train=TrainConfig(updates=UPDATES[profile][not implicit], lr=RATES[profile]),
    )


def evaluation_sets(task: Mixture | Letters) -> dict[str, Mixture | Letters]:
    """Tasks as in training, and tasks of another law."""
    if isinstance(task, Letters):
        return {"train-letters": task, "test": replace(task, split="test")}
    return {"as-trained": task, "more-components": replace(task, components=2 * task.components)}


GENERATION: dict[str, Callable[[Profile], Experiment]] = {
    f"generation/{name}/{regime}/{kind}": partial(generation, name, regime, kind)
    for name, task in TASKS.items()
    for regime, signals in TABLES.values()
    for kind in signals
    if regime != "parametric" or hasattr(task, "decode")
}
"""Rows with the settings that were found by hand for the implicit and parametric data rows of 2-D mixtures of another
seed: width, depth, updates, rate, queries. More updates helped most; to show the product of x and y, or z itself,
helped little or not at all. Letters were tried on X, at a smaller size; the other rows take what these have."""
