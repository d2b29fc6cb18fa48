"""Every experiment of the book by key, in three sizes.

The first word of a key says where it is made: `table2` to `table4`, `features`, `causal-order` and `generation` in
`families`, `choice` in `choices`, `cost` in `costs`, `baseline` in `baselines`, and all others in `ablations`. The
numbers of each profile are in `sizes.SIZES`; the settings that trials chose for `cpu` are in `choices.CHOSEN`.
A new row is a line of `families.FURTHER`, a new ablation a line of `ablations.experiments`.
"""

from collections.abc import Callable
from functools import cache, partial

from iai.experiment import BaselineExperiment, Experiment
from iai.study.ledger import records
from iai.study.registry import ablations, baselines, choices, costs
from iai.study.registry.choices import chosen
from iai.study.registry.costs import BUDGETS, LOOPS
from iai.study.registry.families import FURTHER, ROWS
from iai.study.registry.sizes import PROFILES, SECONDS, SEEDS, Profile
from iai.study.registry.variants import vary

__all__ = ["BUDGETS", "EXPERIMENTS", "LOOPS", "PROFILES", "SECONDS", "Profile", "experiment", "seeds_of"]


@cache
def experiments(profile: Profile) -> dict[str, Experiment | BaselineExperiment]:
    """All experiments of a profile by key, the most wanted first.

    `<row>-1-step` is the model that the paper compares with: trained on one step, given the same points a step.
    """
    rows, further = ({row: chosen(row, profile) for row in some} for some in (ROWS, FURTHER))
    return {
        **rows,
        **{f"{row}-1-step": vary(made, objective={"steps": 1}) for row, made in rows.items()},
        **ablations.experiments(profile),
        **further,
        **{f"{row}-1-step": vary(made, objective={"steps": 1}) for row, made in further.items()},
        **costs.experiments(profile),
        **choices.experiments(profile),
        **baselines.experiments(profile),
    }


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

    Trials decide settings at `cpu` alone, and on fewer seeds. Costs of a part of a training have one seed, as they only
    draw a line, but for those of the pool.
    """
    if key.startswith("cost/") and not key.endswith("/whole") and "/pool/" not in key:
        return 1
    if not key.startswith("choice/") or profile == "smoke":
        return SEEDS[profile]
    if key.startswith("choice/baseline/"):
        return 0 if profile == "gpu" else 1
    # Runs of one explicit model of regression can differ several-fold: two of them would choose by luck.
    return 0 if profile == "gpu" else 4 if key.startswith("choice/table3/linear-regression") else 2
