"""Runs, what the ledger counts: an experiment's key, a profile and a seed."""

import fnmatch
import sys
from pathlib import Path
from typing import NamedTuple

from iai.experiment import to_json
from iai.study.ledger import records
from iai.study.registry import EXPERIMENTS, PROFILES, experiment, seeds_of
from iai.tasks import data

COMMAND = [sys.executable, "-m", "iai"]


class Run(NamedTuple):
    """A training of one experiment with one seed, and its evaluation."""

    key: str
    profile: str
    seed: int

    def __str__(self) -> str:
        return f"{self.key} {self.profile} seed {self.seed}"

    @property
    def checkpoint(self) -> Path:
        """Where it keeps its checkpoint."""
        return runs_root() / self.profile / self.key / f"seed{self.seed}.safetensors"

    @property
    def log(self) -> Path:
        """Where the output of its job goes."""
        return self.checkpoint.with_suffix(".log")

    def status(self, renew: bool = False, locked: bool = True) -> records.Status:
        """done, pending, stale, or running if `locked` counts; with `renew`, a record of other sources is stale too."""
        config = records.config_hash(to_json(experiment(self.key, self.profile)))
        return records.status(*self, config, records.sources_hash() if renew else None, locked)

    def command(self, device: str | None, renew: bool = False) -> list[str]:
        """`python -m iai run KEY ...`."""
        words = ["run", self.key, "--profile", self.profile, "--seed", str(self.seed), "--quiet"]
        return [*COMMAND, *words, *(["--device", device] if device else []), *(["--renew"] if renew else [])]


def runs_root() -> Path:
    """Where checkpoints and logs go: `$IAI_RUNS`, else `runs` beside the ledger's `book`."""
    ledger = records.root()
    beside = ledger.parent.parent if ledger.parent.name == "book" else ledger.parent
    return data.folder("IAI_RUNS", beside / "runs")


def matching(pattern: str) -> list[str]:
    """Keys that are `pattern`, lie below it, or match it as a shell pattern; `UserError` if none does."""
    below = pattern.rstrip("/") + "/"
    found = [key for key in EXPERIMENTS if f"{key}/".startswith(below) or fnmatch.fnmatchcase(key, pattern)]
    if found:
        return found
    groups = {"/".join(key.split("/")[:depth]) for key in EXPERIMENTS for depth in (1, 2)}
    raise records.unknown("key or pattern", pattern, [*EXPERIMENTS, *sorted(groups)])


def wanted(pattern: str, profile: str, seeds: int | None = None) -> list[Run]:
    """The runs of a pattern, most valuable first: paper tables, then first seeds, then the registry's order."""
    if profile not in PROFILES:
        raise records.unknown("profile", profile, PROFILES)
    counts = {key: seeds_of(key, profile) if seeds is None else seeds for key in matching(pattern)}
    runs = [Run(key, profile, seed) for key, count in counts.items() for seed in range(count)]
    return sorted(runs, key=lambda one: (not one.key.startswith("table"), one.seed))
