"""Loops that train on eq. 9 in other ways than tasks in flight: the keys of chapter 7."""

from dataclasses import replace

from iai.experiment import Experiment
from iai.study.registry.ablations import BASES
from iai.study.registry.families import defaults
from iai.study.registry.sizes import Profile
from iai.study.registry.variants import objective_like, with_updates
from iai.training import RandomStep, Unrolled

LOOPS = {
    "tasks in flight": BASES["linear-regression"],
    "roll-out of all tasks": "cost/linear-regression/unrolled",
    "roll-out of 1/K tasks": "unrolled/linear-regression/1",
    "one random step": "cost/linear-regression/random",
}
"""Loops in words, by the key of a row that each trains for as many refinements with a gradient.

A refinement without a gradient is counted as a third of one with.
"""


def experiments(profile: Profile) -> dict[str, Experiment]:
    """The loops that are no row and no ablation."""
    row = defaults(BASES["linear-regression"], profile)
    pool, steps, updates = row.objective, row.objective.steps, row.train.updates
    whole = objective_like(pool, Unrolled, tasks=pool.tasks * steps, detach=True)
    return {
        LOOPS["roll-out of all tasks"]: with_updates(replace(row, objective=whole), updates / steps),
        LOOPS["one random step"]: with_updates(
            replace(row, objective=objective_like(pool, RandomStep)), updates / (1 + (steps - 1) / 6)
        ),
    }
