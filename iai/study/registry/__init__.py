"""Every experiment of the book, keyed by paper table, in three sizes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from iai.experiment import BaselineExperiment, Experiment
from iai.study.ledger import records
from iai.study.registry import baselines
from iai.study.registry.ablations import ABLATIONS
from iai.study.registry.baselines import in_one_context
from iai.study.registry.bases import BASES
from iai.study.registry.families import FURTHER
from iai.study.registry.tables import (
    PROFILES,
    ROWS,
    SECONDS,
    Profile,
    alternatives,
    chosen,
    defaults,
    for_updates,
    half,
    judged_as_trial,
)
from iai.training.objectives import RandomStep, Unrolled

__all__ = ["PROFILES", "SECONDS", "Profile"]

SEEDS = {"smoke": 1, "cpu": 3, "gpu": 5}
"""Seeds that a profile asks for."""


def seeds_of(key: str, profile: str) -> int:
    """Seeds that a profile asks for of a key; trials decide settings at `cpu` alone, and on fewer seeds.

    So do parts of a training that only draw a line: one seed, but for those of the pool.
    """
    if key.startswith("cost/") and not key.endswith("/whole") and "/pool/" not in key:
        return 1
    if not key.startswith("choice/") or profile == "smoke":
        return SEEDS[profile]
    if key.startswith("choice/baseline/"):
        return 0 if profile == "gpu" else 1
    # Runs of one explicit model of regression can differ several-fold: two of them would choose by luck.
    return 0 if profile == "gpu" else 4 if key.startswith("choice/table3/linear-regression") else 2


def with_one_step(experiment: Experiment) -> Experiment:
    """The model that the paper compares with: trained on one step, given the same points a step."""
    return replace(experiment, objective=replace(experiment.objective, steps=1))


def _tables() -> dict[str, Callable[[Profile], Experiment]]:
    """All keys of the paper's Tables 2 to 4, in the order in which they are most wanted."""
    found: dict[str, Callable[[Profile], Experiment]] = {row: partial(chosen, row) for row in ROWS}
    return found | {f"{row}-1-step": partial(_chosen_one_step, row) for row in ROWS}


def _chosen_one_step(row: str, profile: Profile) -> Experiment:
    return with_one_step(chosen(row, profile))


def _further() -> dict[str, Callable[[Profile], Experiment]]:
    """Rows of other families, and the 1-step models of them."""
    return FURTHER | {f"{row}-1-step": partial(_further_one_step, row) for row in FURTHER}


def _further_one_step(row: str, profile: Profile) -> Experiment:
    return with_one_step(FURTHER[row](profile))


def trial(row: str, name: str, profile: Profile) -> Experiment:
    """A row as it is tried: half the updates, judged by tasks that neither train nor appear in any table."""
    return judged_as_trial(half(alternatives(row)[name](defaults(row, profile))))


def _trials() -> dict[str, Callable[[Profile], Experiment]]:
    return {f"choice/{row}/{name}": partial(trial, row, name) for row in ROWS for name in alternatives(row)}


BUDGETS = {"quarter": 1 / 4, "half": 1 / 2, "whole": 1.0}
"""Parts of a row's training, each a training of its own with its own warm-up and decay."""
LOOPS = {
    "pool": "tasks in flight",
    "unrolled": "roll-out of all tasks",
    "narrow": "roll-out of 1/K tasks",
    "random": "one random step",
}
"""Loops that train on eq. 9."""


def loop(family: str, name: str, budget: str, profile: Profile) -> Experiment:
    """A row trained by one of the loops with about as many refinements with a gradient, for a part of its updates.

    A refinement without a gradient is counted as a third of one with. Judged as trials are, as the best is chosen.
    """
    whole = judged_as_trial(chosen(BASES[family], profile))
    pool, updates = whole.objective, BUDGETS[budget] * whole.train.updates
    settings = {field: getattr(pool, field) for field in ("task", "tasks", "steps", "points", "queries", "growth")}
    steps, objective = pool.steps, pool
    if name == "unrolled":
        objective = Unrolled(**settings | {"tasks": pool.tasks * steps}, detach=True)
        updates /= steps
    elif name == "narrow":
        objective = Unrolled(**settings, detach=True)
    elif name == "random":
        objective = RandomStep(**settings)
        updates /= 1 + (steps - 1) / 6
    return replace(whole, objective=objective, train=for_updates(whole.train, updates))


def one_context(family: str, budget: str, profile: Profile) -> Experiment:
    """The 1-step model at equal data, all observations of a task in one context, for twice the tokens in training."""
    whole = in_one_context(judged_as_trial(chosen(BASES[family], profile)), 2 * BUDGETS[budget])
    return replace(whole, evaluation=replace(whole.evaluation, points=whole.objective.points, steps=1))


def _costs() -> dict[str, Callable[[Profile], Experiment]]:
    """What training costs: loops against each other, many steps against one on all data; chapter 7."""
    keys: dict[str, Callable[[Profile], Experiment]] = {}
    for family in BASES:
        for budget in BUDGETS:
            keys |= {f"cost/{family}/{name}/{budget}": partial(loop, family, name, budget) for name in LOOPS}
            keys[f"cost/{family}/one-context/{budget}"] = partial(one_context, family, budget)
    return keys


def _contests() -> dict[str, Callable[[Profile], Experiment | BaselineExperiment]]:
    """Learned baselines on the tasks and batches of rows, and what was tried for them."""
    rows: dict[str, Callable[[Profile], Experiment | BaselineExperiment]] = {
        row: partial(baselines.chosen, row) for row in baselines.ROWS
    }
    return rows | {
        f"choice/{row}/{name}": partial(baselines.trial, row, name)
        for row in baselines.TRIED
        for name in baselines.alternatives(row)
    }


EXPERIMENTS: dict[str, Callable[[Profile], Experiment | BaselineExperiment]] = {
    **_tables(),
    **ABLATIONS,
    **_further(),
    **_costs(),
    **_trials(),
    **_contests(),
}


def experiment(key: str, profile: str) -> Experiment | BaselineExperiment:
    """The experiment of a key at a profile; an unknown one is a `UserError` with the near matches."""
    if key not in EXPERIMENTS:
        raise records.unknown("key", key, EXPERIMENTS)
    if profile not in PROFILES:
        raise records.unknown("profile", profile, PROFILES)
    return EXPERIMENTS[key](profile)
