"""Which settings a row of the tables trains with, and why: its trials on validation tasks, compared in the ledger."""

from iai import contrasts, results
from iai.contrasts import Found
from iai.registry import Profile, alternatives, trial


def trials(row: str, profile: Profile = "cpu") -> dict[str, Found]:
    """The validation loss of each alternative of a row at its last trained step."""
    return {
        name: results.summary(
            f"choice/{row}/{name}", profile, "validation", "loss", trial(row, name, profile).objective.steps
        )
        for name in alternatives(row)
    }


def winner(row: str, profile: Profile = "cpu") -> str | None:
    """The alternative of the least mean, the first of equals; None while any trial is missing."""
    return contrasts.best(trials(row, profile))
