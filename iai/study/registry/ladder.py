"""Rows at other budgets: does a conclusion stay when training goes on? Keys `doubled/<key>`, `ladder/<key>/<budget>`.

The ladder has half, one and two times the updates of eight rows and of their partners, and four times those of four.
Partners read all data in one context. The rows alone also have a quarter and an eighth, and two of them still less: how
soon do they reach an error? The doubled budget alone is there for all that decides a claim.
"""

from iai.experiment import BaselineExperiment, Experiment
from iai.study.registry.baselines import COMPETE
from iai.study.registry.sizes import Profile
from iai.study.registry.variants import in_one_context, vary, with_updates

Trained = Experiment | BaselineExperiment
LADDER = (
    "table2/linear-regression/data",
    "table2/linear-regression/grad+data",
    "table4/mnist/data",
    "table3/linear-regression/grad+data",
    "dimension/32/data",
    "dimension/32/grad+data",
    "table2/mnist/data",
    "features/implicit/data",
)
"""The rows whose learning is followed over budgets."""
ONE_CONTEXT = (*LADDER, "causal-order/implicit/data", "generation/mixture-2d/implicit/data")
"""Rows with a partner that reads all observations in one context."""
FOURFOLD = ("table2/linear-regression/data", "table4/mnist/data", "dimension/32/grad+data", "features/implicit/data")
"""The rows that are followed to four times their updates, with their partners; all others to twice as many."""
BUDGETS = {"fourfold": 4.0, "half": 1 / 2, "quarter": 1 / 4, "eighth": 1 / 8, "sixteenth": 1 / 16, "32nd": 1 / 32}
"""Updates of the keys `ladder/<key>/<budget>`, in those of the key."""
MEMORY_PAIRS = tuple(f"memory/{d}/{numbers}-3" for d in (10, 32) for numbers in (0, 4))
"""The pairs by which the chapter on memory is decided."""
COMPARED = (
    "table",
    "residual/",
    "features/",
    "causal-order/",
    "generation/",
    "dimension/",
    "state/",
    "history/",
    "mask/",
    "one-context/",
    "smooth/",
    *MEMORY_PAIRS,
)
"""Beginnings of the keys whose contrasts are tested, and so need a doubled budget."""
PRIMARY = (
    *(f"table2/linear-regression/{kind}" for kind in ("data", "data-1-step", "grad", "grad+data")),
    *(f"table{n}/mnist/{kind}" for n in (2, 3) for kind in ("data", "grad", "grad+data")),
    "table3/linear-regression/data",
    "table4/linear-regression/data",
    "table4/mnist/data",
    "features/implicit/data",
    *(f"dimension/{d}/{kind}" for d in (2, 128) for kind in ("data", "grad")),
    *(f"state/mnist/{space}" for space in ("latent", "softmax")),
    "history/linear-regression/grad+data",
    *(f"mask/linear-regression/{mask}" for mask in ("full", "causal")),
    *(f"baseline/linear-regression/{name}" for name in ("one-context", "one-context-longer")),
    *MEMORY_PAIRS,
)
"""The keys of the claims' primary tests."""


def partner(row: str) -> str:
    """The key of the 1-step model of all observations of a row in one context, trained on as many tokens."""
    families = {known: f"baseline/{family}/one-context" for family, known in COMPETE.items()}
    return families.get(row, f"one-context/{row}")


def partners(found: dict[str, Trained], profile: Profile) -> dict[str, Experiment]:
    """The partners that are no baseline of chapter 11."""
    rows = {row: found[row] for row in ONE_CONTEXT if row not in COMPETE.values()}
    return {
        partner(row): vary(in_one_context(made, 1.0), evaluation={"one_context": True})
        for row, made in rows.items()
        if isinstance(made, Experiment)
    }


def budgets(found: dict[str, Trained]) -> dict[str, Trained]:
    """The ladder, and the doubled budget of what decides."""
    rungs = [key for row in LADDER for key in (row, partner(row))]
    largest = [key for row in FOURFOLD for key in (row, partner(row))]
    soon = ("dimension/32/data", "dimension/32/grad+data")
    short = {"quarter": LADDER, "eighth": LADDER, "sixteenth": soon, "32nd": soon}
    followed = {"fourfold": largest, "half": rungs, **short}
    doubled = [key for key in found if key.startswith(COMPARED) or key in rungs]
    ladder = {
        f"ladder/{key}/{name}": scaled(found[key], BUDGETS[name]) for name, keys in followed.items() for key in keys
    }
    return ladder | {f"doubled/{key}": scaled(found[key], 2.0) for key in doubled}


def scaled(made: Trained, times: float) -> Trained:
    """So many times the updates."""
    return with_updates(made, times * made.train.updates)
