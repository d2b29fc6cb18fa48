"""The trials that settings are chosen by, in the ledger: validation losses of all that was tried for a row."""

from iai.study.ledger import records
from iai.study.ledger.statistics import Found
from iai.study.registry import EXPERIMENTS, experiment, seeds_of


def trials(row: str, profile: str = "small") -> dict[str, Found]:
    """The validation loss of each setting that is to be tried for a row, by name, after the last evaluated step."""
    prefix, found = f"{kind(row)}/{row}/", dict[str, Found]()
    if f"{prefix}centre" not in EXPERIMENTS:
        raise records.unknown("key", f"{prefix}centre", EXPERIMENTS)
    for key in (key for key in EXPERIMENTS if key.startswith(prefix) and seeds_of(key, profile)):
        last = experiment(key, profile).evaluation.steps
        found[key.removeprefix(prefix)] = records.summary(key, profile, "validation", "loss", last)
    return found


def kind(row: str) -> str:
    """The first word of the trials of a row, which differs where settings are not rates alone."""
    return "choice" if row.startswith("baseline/") else "trial"
