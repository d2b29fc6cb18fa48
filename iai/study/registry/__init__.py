"""Every experiment of the book by key, in three sizes.

The first word of a key says where it is made: `table2` to `table4`, `features`, `causal-order` and `generation` in
`families`, `cost` in `costs`, `baseline` and their `choice` in `baselines`, and all others in `ablations`. The numbers
of each profile are in `sizes.SIZES`; the settings that trials chose are in `trials.SELECTED`.
A new row is a line of `families.FURTHER`, a new ablation a line of `ablations.experiments`.
"""

from collections.abc import Callable
from functools import cache, partial

from iai.experiment import BaselineExperiment, Experiment
from iai.study.ledger import records
from iai.study.registry import ablations, baselines, costs, ladder, recipe, trials
from iai.study.registry.costs import LOOPS
from iai.study.registry.families import FURTHER, RESIDUAL, ROWS, defaults
from iai.study.registry.sizes import PROFILES, SECONDS, Profile
from iai.study.registry.trials import chosen, tuned
from iai.study.registry.variants import vary

__all__ = ["EXPERIMENTS", "LOOPS", "PROFILES", "SECONDS", "Profile", "experiment", "seeds_of"]

PAPER = (
    *(f"table2/{family}/{kind}" for family in ("linear-regression", "mnist") for kind in ("data", "grad", "grad+data")),
    "table4/mnist/data",
    "features/implicit/data",
    "residual/linear-regression/parametric/residual",
    *(f"table3/{family}/{kind}" for family in ("linear-regression", "mnist") for kind in ("data", "grad", "grad+data")),
    *map(ladder.partner, ladder.LADDER[:4]),
)
"""The headline rows, then the explicit ones and partners in one context, which `paper` asks for."""
FIGURES = ("table2/linear-regression/data", "table4/mnist/data")
"""The rows whose figures are tested: one run of twice the updates says whether more training reaches them."""
AGAIN = (
    *("mask/linear-regression/full", "mask/mnist/full", "reuse/mnist/10"),
    *("in-turn/mnist/data-shuffled", "in-turn/mnist/grad-shuffled"),
)
"""Ablations that train as their rows do, and so need no trials: only their evaluation is another."""

END, BESIDE = "lr-ninefold", "lr-triple"
"""The end of a baseline's grid is tried where the trial beside it is the best so far."""


@cache
def experiments(profile: Profile) -> dict[str, Experiment | BaselineExperiment]:
    """All experiments of a profile by key, the most wanted first.

    `<row>-1-step` is the model that the paper compares with: trained on one step, given the same points a step.
    """
    rows = {row: chosen(row, profile) for row in ROWS | RESIDUAL | FURTHER}
    short = {
        f"{row}-1-step": vary(rows[row], objective={"steps": 1})
        for row in ROWS | FURTHER
        if not row.startswith("generation/")
    }
    changed = ablations.experiments(profile) | costs.experiments(profile)
    tried = {row: defaults(row, profile) for row in rows if row != "generation/letters/implicit/data"}
    tried |= {key: made for key, made in changed.items() if not key.startswith("laws/") and key not in AGAIN}
    found: dict[str, Experiment | BaselineExperiment] = {
        **rows,
        **{key: tuned(key, made, profile) for key, made in (short | changed).items()},
        **baselines.experiments(profile),
    }
    found |= ladder.partners(found, profile)
    found |= recipe.experiments(found, profile)
    return found | ladder.budgets(found) | trials.experiments(tried)


EXPERIMENTS: dict[str, Callable[[Profile], Experiment | BaselineExperiment]] = {
    key: partial(lambda key, profile: experiments(profile)[key], key) for key in experiments("smoke")
}
"""How each key is made at a profile; all profiles have the same keys."""


def experiment(key: str, profile: str) -> Experiment | BaselineExperiment:
    """The experiment of a key at a profile; an unknown one is a `UserError` with the near matches."""
    if key not in EXPERIMENTS:
        raise records.unknown("key", key, EXPERIMENTS)
    if profile not in PROFILES:
        raise records.unknown("profile", profile, PROFILES)
    return EXPERIMENTS[key](profile)


def seeds_of(key: str, profile: str) -> int:
    """How many seeds of a key a profile asks for.

    At `small` six of what decides a claim, one of what only chooses or confirms (trials, other budgets), else three;
    at `paper` three of what answers the paper's own numbers, and of partners, and one of the doubled budget of
    `FIGURES`.
    """
    if profile == "smoke":
        return 1
    if profile == "paper":
        return 3 if key in PAPER else int(key.removeprefix("doubled/") in FIGURES)
    if key.startswith("choice/") and key.endswith(f"/{END}"):
        row = key.removeprefix("choice/").removesuffix(f"/{END}")
        return int(trials.SELECTED.get(row) in (END, BESIDE))
    if key.startswith(("trial/", "doubled/", "ladder/", "choice/")):
        return 1
    return 6 if key in ladder.PRIMARY else 3
