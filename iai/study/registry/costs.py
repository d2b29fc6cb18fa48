"""What training costs: loops against each other, many steps against one on all data; the keys of chapter 7."""

from dataclasses import replace

from iai.experiment import Experiment
from iai.study.registry.ablations import BASES
from iai.study.registry.choices import chosen
from iai.study.registry.sizes import Profile
from iai.study.registry.variants import in_one_context, objective_like, on_validation, vary, with_updates
from iai.training import RandomStep, Unrolled

BUDGETS = {"quarter": 1 / 4, "half": 1 / 2, "whole": 1.0}
"""Shares of a row's updates, each a training of its own with its own warm-up and decay."""
LOOPS = {
    "pool": "tasks in flight",
    "unrolled": "roll-out of all tasks",
    "narrow": "roll-out of 1/K tasks",
    "random": "one random step",
}
"""Loops that train on eq. 9, in words."""


def experiments(profile: Profile) -> dict[str, Experiment]:
    """All keys of costs, judged as their rows are; in the first ledger as trials are, as the best loop was chosen."""
    found: dict[str, Experiment] = {}
    for family, row in BASES.items():
        whole = chosen(row, profile)
        whole = on_validation(whole) if profile == "cpu" else whole
        for budget, share in BUDGETS.items():
            found |= {f"cost/{family}/{loop}/{budget}": made for loop, made in trainings(whole, share).items()}
    return found


def whole(key: str) -> str:
    """The key whose trials choose the rates of a loop at every budget; the pool has those of its row."""
    *loop, _ = key.split("/")
    return "/".join([*loop, "whole"])


def trainings(whole: Experiment, share: float) -> dict[str, Experiment]:
    """A row trained by each loop with about as many refinements with a gradient, for a share of its updates.

    A refinement without a gradient is counted as a third of one with. "one-context" is the 1-step model at equal data,
    all observations of a task in one context, for twice the tokens in training.
    """
    pool, steps, updates = whole.objective, whole.objective.steps, share * whole.train.updates
    loops = {
        "pool": (pool, updates),
        "unrolled": (objective_like(pool, Unrolled, tasks=pool.tasks * steps, detach=True), updates / steps),
        "narrow": (objective_like(pool, Unrolled, detach=True), updates),
        "random": (objective_like(pool, RandomStep), updates / (1 + (steps - 1) / 6)),
    }
    found = {loop: with_updates(replace(whole, objective=how), count) for loop, (how, count) in loops.items()}
    one = in_one_context(whole, 2 * share)
    return found | {"one-context": vary(one, evaluation={"points": one.objective.points, "steps": 1})}
