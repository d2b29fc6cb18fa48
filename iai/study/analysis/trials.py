"""The trials that settings are chosen by, in the ledger: validation losses of all that was tried for a row."""

from iai.study.ledger import records
from iai.study.ledger.statistics import Found
from iai.study.registry import EXPERIMENTS, choices, experiment
from iai.study.registry.trials import SELECTED


def trials(row: str, profile: str = "small") -> dict[str, Found]:
    """The validation loss of each setting that was tried for a row, by name, after the last evaluated step."""
    prefix, found = f"{kind(row)}/{row}/", dict[str, Found]()
    for key in (key for key in EXPERIMENTS if key.startswith(prefix)):
        last = experiment(key, profile).evaluation.steps
        found[key.removeprefix(prefix)] = records.summary(key, profile, "validation", "loss", last)
    if not found:
        raise records.unknown("key", f"{prefix}centre", EXPERIMENTS)
    return found


def taken(row: str, profile: str) -> str:
    """The trial whose settings a row trains with."""
    return SELECTED.get(row, "centre") if kind(row) == "trial" else choices.selected(row, profile)


def kind(row: str) -> str:
    """The first word of the trials of a row, which differs where settings are not rates alone."""
    return "choice" if row.startswith("baseline/") else "trial"
