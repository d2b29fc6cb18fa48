"""Which settings a row of the tables trains with, and why: its trials on validation tasks, compared in the ledger."""

from iai import contrasts, results
from iai.contrasts import Found
from iai.registry import experiment
from iai.rows import alternatives


def trials(row: str, profile: str = "cpu") -> dict[str, Found]:
    """The validation loss of each alternative of a row at its last trained step."""
    found = {}
    for name in alternatives(row):
        key = f"choice/{row}/{name}"
        last = experiment(key, profile).objective.steps
        found[name] = results.summary(key, profile, "validation", "loss", last)
    return found


def winner(row: str, profile: str = "cpu") -> str | None:
    """The alternative of the least mean, the first of equals; None while any trial is missing."""
    return contrasts.best(trials(row, profile))
