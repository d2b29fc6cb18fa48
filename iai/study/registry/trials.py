"""What is tried for a key at `small`, on validation tasks, and what was chosen: the settings of a row or an ablation.

Everything that is trained has its own trials, a base as well as its variants: three rates, and a fourth where the best
was at an end. The trials of a key are `trial/<key>/<name>`.
"""

from iai.experiment import Experiment
from iai.study.registry.families import defaults
from iai.study.registry.sizes import Profile
from iai.study.registry.variants import Trained, halved, on_validation, with_rate

RATES = {"centre": 1.0, "rate-double": 2.0, "rate-half": 0.5, "rate-fourfold": 4.0, "rate-quarter": 0.25}
"""Rates that are tried, in those of the centre."""
SELECTED: dict[str, str] = {
    "baseline/linear-regression/one-context": "lr-triple",
    "table2/linear-regression/grad": "rate-double",
    "table2/linear-regression/grad+data": "rate-double",
    "table2/mnist/grad+data": "rate-fourfold",
    "table4/linear-regression/data": "rate-double",
    "table4/mnist/data": "rate-double",
    "table3/linear-regression/data": "rate-double",
    "table3/linear-regression/grad+data": "rate-double",
    "table3/mnist/grad": "rate-half",
    "table3/mnist/grad+data": "rate-half",
    "residual/linear-regression/parametric/residual": "rate-double",
    "residual/linear-regression/parametric/grad+residual": "rate-fourfold",
    "residual/linear-regression/explicit/residual": "rate-double",
    "residual/linear-regression/explicit/grad+residual": "rate-double",
    "residual/mnist/parametric/residual": "rate-fourfold",
    "residual/mnist/parametric/grad+residual": "rate-fourfold",
    "residual/mnist/explicit/grad+residual": "rate-half",
    "features/implicit/data": "rate-double",
    "dimension/32/data": "rate-double",
    "dimension/32/grad": "rate-double",
    "dimension/32/grad+data": "rate-double",
    "dimension/32/residual": "rate-double",
    "dimension/32/grad+residual": "rate-double",
    "points/mnist/64": "rate-double",
    "dimension/2/data": "rate-double",
    "dimension/2/grad": "rate-double",
    "dimension/2/grad+data": "rate-double",
    "dimension/8/data": "rate-double",
    "dimension/8/grad": "rate-fourfold",
    "dimension/128/grad": "rate-double",
    "history/mnist/grad": "rate-double",
    "causal-order/implicit/data": "rate-double",
    "mask/linear-regression/causal": "rate-double",
    "features/parametric/data": "rate-double",
    "features/parametric/grad+data": "rate-fourfold",
    "baseline/linear-regression/maml": "lr-third",
    "smooth/curve/implicit/data": "rate-fourfold",
    "smooth/map/implicit/data": "rate-fourfold",
    "baseline/linear-regression/lstm": "lr-triple",
    "baseline/mnist/lstm": "lr-triple",
    "generation/mixture-2d/implicit/data": "rate-double",
    "generation/mixture-2d/parametric/data": "rate-fourfold",
    "generation/mixture-5d/parametric/data": "rate-double",
    "generation/mixture-2d/explicit/data": "rate-fourfold",
    "cost/linear-regression/unrolled": "rate-fourfold",
    "split/linear-regression/5": "rate-double",
    "steps/linear-regression/2": "rate-fourfold",
    "steps/linear-regression/5": "rate-double",
    "theta/linear-regression/data-coordinate": "rate-double",
    "update/linear-regression/absolute": "rate-fourfold",
    "cost/linear-regression/random": "rate-double",
    "size/linear-regression/width-32": "rate-fourfold",
    "baseline/features/maml": "lr-third",
    "generation/mixture-5d/implicit/data": "rate-double",
    "theta/mnist/data-one": "rate-quarter",
    "dimension/128/grad+data": "rate-double",
    "steps/linear-regression/20": "rate-double",
}
"""The trial that the settings of a key come from, if not "centre": the ledger's best on validation tasks."""


def taken(key: str, profile: str) -> str:
    """The trial whose settings a key trains with; a longer training of a baseline has those of the shorter one."""
    return SELECTED.get(key.removesuffix("-longer"), "centre") if profile == "small" else "centre"


def chosen(row: str, profile: Profile) -> Experiment:
    """A row with its own settings."""
    return tuned(row, defaults(row, profile), profile)


def baseline_settings(row: str, made: Trained) -> dict[str, Trained]:
    """What is tried for a learned baseline; ties go to the first. The trials of it are `choice/<row>/<name>`."""
    found = {"centre": made, "lr-triple": with_rate(made, 3.0), "lr-third": with_rate(made, 1 / 3)}
    if not row.endswith("/maml"):  # the best rate lay at the end of the grid
        found["lr-ninefold"] = with_rate(made, 9.0)
    return found


def settings(key: str, made: Experiment) -> dict[str, Experiment]:
    """What is tried for a key, around an experiment as it is made; ties go to the first.

    Three rates, and a fourth if the best of them was at an end.
    """
    best = SELECTED.get(key, "centre")
    fourth = {"rate-double": "rate-fourfold", "rate-half": "rate-quarter"}.get(best, best)
    tried = dict.fromkeys(("centre", "rate-double", "rate-half", fourth))
    return {name: with_rate(made, RATES[name]) for name in tried}


def tuned(key: str, made: Experiment, profile: Profile) -> Experiment:
    """The experiment of a key with the settings that its trials chose."""
    return settings(key, made)[taken(key, profile)]


def experiments(found: dict[str, Experiment]) -> dict[str, Experiment]:
    """The trials of experiments by key, each for half the updates."""
    return {
        f"trial/{key}/{name}": on_validation(halved(one))
        for key, made in found.items()
        for name, one in settings(key, made).items()
    }
