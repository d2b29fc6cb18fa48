"""What made training learn, one lever at a time: the keys `recipe/<family>/<lever>` of the chapter on training.

The rungs lead from the settings of the first ledger to those of a row of `small`, with one change in between. The
levers change that row in one place, for the same number of refinements. `precision/<row>/<precision>` are
rows in either precision, whatever the machine would choose.
"""

from itertools import product
from typing import Any

from iai.experiment import Experiment
from iai.study.registry.sizes import Profile
from iai.study.registry.variants import vary, with_updates

BASES = {"linear-regression": "dimension/32/data", "mnist": "table4/mnist/data"}
"""The rows that levers are tried on: a parametric one that the first ledger did not learn, and an implicit one."""
FIRST: dict[str, dict[str, Any]] = {
    "linear-regression": {
        "theta": "class",
        "objective": {"passes_per_fill": 4},
        "train": {"optimizer": "adamw", "lr": 3e-3, "matrix_lr": 4e-3, "updates": 1200, "precision": "float32"},
    },
    "mnist": {
        "objective": {"tasks": 16, "steps": 8, "passes_per_fill": 4},
        "refiner": {"x_share": 0.5},
        "train": {"optimizer": "adamw", "lr": 2e-3, "matrix_lr": 4e-3, "precision": "float32"},
    },
}
"""What those rows had in the first ledger, where `small` has something else."""
MUON: dict[str, Any] = {"train": {"optimizer": "muon", "precision": "auto"}}
APART: dict[str, Any] = {"refiner": {"tied_qk": 0.0}}
LEVERS: dict[str, dict[str, Any]] = {
    "adamw": {"train": {"optimizer": "adamw"}},
    "growth-none": {"objective": {"growth": 0.0}},
    "decay-tenfold": {"train": {"weight_decay": 0.1}},
}
"""Changes of one setting each, at the rates of the row."""
PRECISE = (*BASES.values(), "table2/linear-regression/data")
"""The rows that are trained in both precisions."""


def experiments(found: dict[str, Any], profile: Profile) -> dict[str, Experiment]:
    """All keys, from the rows as they are `found`."""
    made: dict[str, Experiment] = {}
    for family, row in BASES.items():
        base = found[row]
        start = base if profile == "smoke" else vary(base, **FIRST[family])
        rungs = {"first": start, "muon": vary(start, **MUON), "apart": vary(base, **APART)}
        if family == "linear-regression":
            pool = base.objective
            fewer = vary(base, objective={"tasks": pool.steps * max(1, round(0.5 * pool.tasks / pool.steps))})
            rungs["tasks-half"] = with_updates(fewer, base.train.updates * pool.tasks / fewer.objective.tasks)
            rungs |= {name: vary(base, **change) for name, change in LEVERS.items()}
        made |= {f"recipe/{family}/{name}": one for name, one in rungs.items()}
    pairs = product(PRECISE, ("float32", "bfloat16"))
    return made | {f"precision/{row}/{name}": vary(found[row], train={"precision": name}) for row, name in pairs}
