"""Every experiment of the book by key, in three sizes.

The first word of a key says where it is made: `table2` to `table4`, `features`, `causal-order` and `generation` in
`families`, `cost` in `costs`, `baseline` and their `choice` in `baselines`, and all others in `ablations`. The numbers
of each profile are in `sizes.SIZES`; the settings that trials chose are in `trials.SELECTED`.
A new row is a line of `families.FURTHER`, a new ablation a line of `ablations.experiments`.
"""

from collections.abc import Callable
from fnmatch import fnmatch
from functools import cache, partial

from iai.experiment import BaselineExperiment, Experiment
from iai.study.ledger import records
from iai.study.registry import ablations, baselines, costs, ladder, recipe, trials
from iai.study.registry.choices import chosen
from iai.study.registry.costs import BUDGETS, LOOPS
from iai.study.registry.families import FURTHER, GENERATED, RESIDUAL, ROWS, defaults
from iai.study.registry.sizes import PROFILES, SECONDS, Profile
from iai.study.registry.trials import tuned
from iai.study.registry.variants import vary

__all__ = ["BUDGETS", "EXPERIMENTS", "LOOPS", "PROFILES", "SECONDS", "Profile", "experiment", "seeds_of"]

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

GENERATION = (
    *(f"generation/{family}/implicit/data" for family in GENERATED),
    *(f"generation/{family}/parametric/data" for family in ("mixture-2d", "mixture-5d")),
    "generation/mixture-2d/explicit/data",
    "generation/mixture-2d/implicit/data-1-step",
)
"""The models of generation that `small` trains."""

OUTLIVED = (
    *(f"cost/*/{budget}" for budget in ("quarter", "half")),  # `ladder/` has other budgets of rows and of one context
    *(f"cost/*/{loop}/*" for loop in ("pool", "narrow", "one-context")),  # rows, `unrolled/*/1`, `baseline/*`
    "token-scale/mnist/untied",  # `recipe/mnist/apart`
    "steps/*/1",  # rows with `-1-step`
    "size/*/depth-*",  # widths say what size is worth
    *(f"laws/mnist/{n}" for n in (64, 1024)),
    "mask/mixture-2d/*",  # a generated set takes longer to judge than a model to train
)
"""Keys of the first ledger that `small` does not ask for: another has the answer, or it costs more than it tells."""
ENDS = {"lr-ninefold": "lr-triple", "inner-triple": "inner-double"}
"""Trials of baselines at the end of a grid, and the one beside: tried where that one is the best so far."""


@cache
def experiments(profile: Profile) -> dict[str, Experiment | BaselineExperiment]:
    """All experiments of a profile by key, the most wanted first.

    `<row>-1-step` is the model that the paper compares with: trained on one step, given the same points a step.
    """
    rows = {row: chosen(row, profile) for row in ROWS | RESIDUAL | FURTHER}
    short = {f"{row}-1-step": vary(rows[row], objective={"steps": 1}) for row in ROWS | FURTHER}
    ablated = ablations.experiments(profile)
    loops = costs.experiments(profile)
    untried = ("laws/", "generation/letters")  # which have no validation tasks
    tried = {row: defaults(row, profile) for row in rows if not row.startswith("generation/") or row in GENERATION}
    tried |= {key: made for key, made in ablated.items() if not key.endswith(("/full", "/10"))}  # rows again
    tried = {key: made for key, made in tried.items() if not key.startswith(untried)}
    tried |= {key: made for key, made in loops.items() if key.endswith("/whole") and "/pool/" not in key}
    found: dict[str, Experiment | BaselineExperiment] = {
        **rows,
        **{key: tuned(key, made, profile) for key, made in (short | ablated).items()},
        **{key: tuned(costs.whole(key), made, profile) for key, made in loops.items()},
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

    At `small` six of what decides a claim, one of what only chooses or confirms (trials, other budgets), none of
    models of generation that no claim compares, else three; at `paper` three of what answers the paper's own numbers,
    and of partners, and one of the doubled budget of `FIGURES`. `cpu` is the first ledger, which has no new key.
    """
    if profile == "smoke":
        return 1
    if profile == "paper":
        return 3 if key in PAPER else int(key.removeprefix("doubled/") in FIGURES)
    if profile == "cpu":
        return _seeds_of_first_ledger(key)
    if (key.startswith("generation/") and key not in GENERATION) or _outlived(key):
        return 0
    if key.startswith(("trial/", "doubled/", "ladder/", "choice/")):
        return 1
    return 6 if key in ladder.PRIMARY else 3


def _outlived(key: str) -> bool:
    """Whether `small` does not ask for a key, its doubled budget or its trials, or for this trial of it."""
    row, _, name = key.removeprefix("choice/").rpartition("/")
    if name in ENDS:
        return trials.SELECTED.get(row) not in (name, ENDS[name])
    asked = (pattern.format(one) for one in OUTLIVED for pattern in ("{}", "doubled/{}", "trial/{}/*"))
    return any(fnmatch(key, pattern) for pattern in asked)


def _seeds_of_first_ledger(key: str) -> int:
    """Those of the keys that the first ledger has."""
    if (
        key.startswith(
            ("trial/", "doubled/", "ladder/", "one-context/", "residual/", "recipe/", "precision/", "smooth/")
        )
        or "residual" in key
    ):
        return 0
    if key.startswith("theta/linear-regression/") or key.endswith(("/full-random", "mnist/10")):
        return 0
    if key.startswith("cost/") and not key.endswith("/whole") and "/pool/" not in key:
        return 1
    return 1 if key.startswith("choice/") else 3
