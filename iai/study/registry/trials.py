"""What is tried for a key at `small`, on validation tasks, and what was chosen: the settings of a row or an ablation.

Everything that is trained has its own trials, a base as well as its variants: three rates, or more where the best was
the highest. The trials of a key are `trial/<key>/<name>`.
"""

from iai.experiment import Experiment
from iai.study.registry.sizes import Profile
from iai.study.registry.variants import halved, on_validation, with_rate

SELECTED: dict[str, str] = {
    "table2/linear-regression/grad": "rate-double",
    "table2/linear-regression/grad+data": "rate-double",
    "table2/mnist/grad+data": "rate-fourfold",
    "table3/linear-regression/grad+data": "rate-double",
    "table4/linear-regression/data": "rate-double",
    "table4/mnist/data": "rate-double",
    "features/implicit/data": "rate-double",
}
"""The trial that the settings of a key come from, if not "centre": the ledger's best on validation tasks."""

LONGER = (
    "table2/linear-regression/grad",
    "table2/linear-regression/grad+data",
    "table2/mnist/grad+data",
    "table3/linear-regression/data",
    "table3/linear-regression/grad+data",
    "table4/linear-regression/data",
    "table4/mnist/data",
    "features/implicit/data",
    "dimension/32/data",
)
"""Keys whose best rate was the highest of three, so that a fourth was tried."""


def settings(key: str, made: Experiment) -> dict[str, Experiment]:
    """What is tried for a key, around an experiment as it is made; ties go to the first."""
    factors = {"rate-double": 2.0, "rate-half": 0.5} | ({"rate-fourfold": 4.0} if key in LONGER else {})
    return {"centre": made} | {name: with_rate(made, factor) for name, factor in factors.items()}


def tuned(key: str, made: Experiment, profile: Profile) -> Experiment:
    """The experiment of a key with the settings that its trials chose."""
    return settings(key, made)[SELECTED.get(key, "centre")] if profile == "small" else made


def experiments(found: dict[str, Experiment]) -> dict[str, Experiment]:
    """The trials of experiments by key, each for half the updates."""
    return {
        f"trial/{key}/{name}": on_validation(halved(one))
        for key, made in found.items()
        for name, one in settings(key, made).items()
    }
