"""Which settings a row or a learned baseline trains with, and why: its trials on validation tasks, in the ledger."""

from iai.study.analysis import contrasts
from iai.study.analysis.contrasts import Found
from iai.study.ledger import records
from iai.study.registry import baselines, experiment, tables


def trials(row: str, profile: str = "cpu") -> dict[str, Found]:
    """The validation loss of each alternative of a row at the last step that it is judged at."""
    found = {}
    for name in (baselines if row in baselines.ROWS else tables).alternatives(row):
        key = f"choice/{row}/{name}"
        last = experiment(key, profile).evaluation.steps
        found[name] = records.summary(key, profile, "validation", "loss", last)
    return found


def winner(row: str, profile: str = "cpu") -> str | None:
    """The alternative of the least mean, the first of equals; None while any trial is missing."""
    return contrasts.best(trials(row, profile))


def selected(row: str, profile: str) -> str:
    """The alternative whose settings a row trains with."""
    return (baselines if row in baselines.ROWS else tables).selected(row, profile)
