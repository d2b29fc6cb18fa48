"""What is tried for a key at `small`, on validation tasks, and what was chosen: the settings of a row or an ablation.

Everything that is trained has its own trials, a base as well as its variants: three rates and, where the likelihood is
linear, theta in coordinates or not. The trials of a key are `trial/<key>/<name>`.
"""

from iai.experiment import Experiment
from iai.study.registry.sizes import Profile
from iai.study.registry.variants import halved, on_validation, vary, with_rate
from iai.tasks import Features, Images, LinearRegression

SELECTED: dict[str, str] = {}
"""The trial that the settings of a key come from, if not "centre": the ledger's best on validation tasks."""


def settings(made: Experiment) -> dict[str, Experiment]:
    """What is tried, around an experiment as it is made; ties go to the first."""
    found = {"centre": made, "rate-double": with_rate(made, 2.0), "rate-half": with_rate(made, 0.5)}
    linear = isinstance(made.task, LinearRegression | Images | Features)
    if made.regime == "parametric" and made.theta != "one" and linear:
        found["theta"] = vary(made, theta="class" if made.theta == "coordinate" else "coordinate")
    return found


def tuned(key: str, made: Experiment, profile: Profile) -> Experiment:
    """The experiment of a key with the settings that its trials chose."""
    return settings(made)[SELECTED.get(key, "centre")] if profile == "small" else made


def experiments(found: dict[str, Experiment]) -> dict[str, Experiment]:
    """The trials of experiments by key, each for half the updates."""
    return {
        f"trial/{key}/{name}": on_validation(halved(one))
        for key, made in found.items()
        for name, one in settings(made).items()
    }
