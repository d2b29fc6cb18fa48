"""Which settings learned baselines train with, and rows at `cpu`: what was tried, and which trial was best.

The trials of a baseline are the keys `choice/<row>/<name>`; those of rows at `cpu` have left the ledger.
"""

from iai.baselines.learned import ReptileConfig
from iai.experiment import BaselineExperiment, Experiment
from iai.study.registry.families import defaults
from iai.study.registry.sizes import Profile
from iai.study.registry.trials import SELECTED, tuned
from iai.study.registry.variants import Trained, vary, with_rate

CHOSEN: dict[str, str] = {
    "table2/linear-regression/data": "no-product",
    "table2/linear-regression/grad": "no-product",
    "table2/linear-regression/grad+data": "no-product",
    "table2/mnist/data": "lr-quarter",
    "table2/mnist/grad": "lr-quarter",
    "table2/mnist/grad+data": "lr-quarter",
    "table4/mnist/data": "apart-half",
    "table3/linear-regression/data": "no-product-lr-half",
    "table3/linear-regression/grad": "lr-quarter",
    "table3/linear-regression/grad+data": "lr-double",
    "table3/mnist/data": "lr-half",
    "table3/mnist/grad": "lr-quarter",
    "table3/mnist/grad+data": "lr-quarter",
    "baseline/linear-regression/maml": "lr-third",
    "baseline/linear-regression/reptile": "inner-double",
    "baseline/linear-regression/hypernetwork": "lr-triple",
    "baseline/linear-regression/lstm": "lr-triple",
    "baseline/linear-regression/one-context": "lr-triple",
    "baseline/mnist/reptile": "lr-third",
    "baseline/mnist/cnp": "lr-third",
    "baseline/mnist/attentive-cnp": "lr-triple",
    "baseline/mnist/lstm": "lr-triple",
    "baseline/mnist/one-context": "lr-triple",
    "baseline/features/maml": "lr-third",
    "baseline/features/reptile": "inner-double",
    "baseline/features/attentive-cnp": "lr-triple",
    "baseline/features/hypernetwork": "lr-triple",
    "baseline/features/lstm": "lr-ninefold",
    "baseline/features/one-context": "lr-triple",
}
"""The trial that a row's settings at `cpu` come from, if not "centre": the best on validation tasks."""


def selected(row: str, profile: str) -> str:
    """The trial whose settings a row trains with; a longer training of a baseline has those of the shorter one."""
    tried = {"cpu": CHOSEN, "small": SELECTED if row.startswith("baseline/") else {}}
    return tried.get(profile, {}).get(row.removesuffix("-longer"), "centre")


def chosen(row: str, profile: Profile) -> Experiment:
    """A row with its own settings."""
    return tuned(row, candidates(row, defaults(row, profile))[selected(row, profile)], profile)


def candidates(row: str, base: Experiment) -> dict[str, Experiment]:
    """What was tried on validation tasks for a row, around the settings of its family; ties go to the first."""
    rates = {"lr-double": 2.0, "lr-half": 1 / 2, "lr-quarter": 1 / 4}
    found = {"centre": base} | {name: with_rate(base, factor) for name, factor in rates.items()}
    if "linear-regression" in row:
        found["no-product"] = vary(base, refiner={"bilinear": False})
        found["no-product-lr-half"] = with_rate(found["no-product"], 1 / 2)
    elif row.startswith("table4"):
        found["mixed"] = vary(base, refiner={"x_share": 0.0})
        found["apart-half"] = vary(base, refiner={"x_share": 0.5})
        found["untied"] = vary(base, refiner={"tied_qk": 0.0})
        found["deeper"] = vary(base, refiner={"depth": 3, "width": 72, "feedforward": 288})
    else:  # the best rate lay at the end of the grid, which so went on until it did not
        found["lr-eighth"] = with_rate(base, 1 / 8)
        found["lr-sixteenth"] = with_rate(base, 1 / 16)
    return found


def baseline_candidates(row: str, base: Trained) -> dict[str, Trained]:
    """What is tried on validation tasks for a learned baseline; ties go to the first."""
    found = {"centre": base, "lr-triple": with_rate(base, 3.0), "lr-third": with_rate(base, 1 / 3)}
    if not row.endswith(("/maml", "/reptile")):  # the best rate lay at the end of the grid
        found["lr-ninefold"] = with_rate(base, 9.0)
    if isinstance(base, BaselineExperiment) and isinstance(base.learner, ReptileConfig):
        for name, factor in {"double": 2.0, "triple": 3.0, "third": 1 / 3}.items():
            found[f"inner-{name}"] = vary(base, learner={"rate": factor * base.learner.rate})
    return found
