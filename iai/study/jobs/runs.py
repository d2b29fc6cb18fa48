"""What the ledger counts: a run is an experiment's key, a profile and a seed."""

import fnmatch
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from iai.experiment import to_json
from iai.study.jobs.run import checkpoint_path
from iai.study.ledger import records
from iai.study.ledger.records import Status, unknown
from iai.study.registry import EXPERIMENTS, PROFILES, experiment, seeds_of

COMMAND = [sys.executable, "-m", "iai"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the ledger counts: an experiment's key, a profile, a seed."""

    key: str
    profile: str
    seed: int

    def __str__(self) -> str:
        return f"{self.key} {self.profile} seed {self.seed}"

    @property
    def expected(self) -> str:
        """The config hash that a record of this run has if it is not stale."""
        return records.config_hash(to_json(experiment(self.key, self.profile)))

    @property
    def checkpoint(self) -> Path:
        """Where it keeps its checkpoint."""
        return checkpoint_path(self.key, self.profile, self.seed, runs_root())

    @property
    def log(self) -> Path:
        """Where the output of its job goes."""
        return self.checkpoint.with_suffix(".log")

    def status(self, renew: bool = False) -> Status:
        """done, pending, stale or running; with `renew`, a record computed by other sources is stale too."""
        sources = records.sources_hash() if renew else None
        return records.status(self.key, self.profile, self.seed, self.expected, sources)

    def command(self, device: str | None, renew: bool = False) -> list[str]:
        """`python -m iai run KEY ...`."""
        words = ["run", self.key, "--profile", self.profile, "--seed", str(self.seed), "--quiet"]
        return [*COMMAND, *words, *(["--device", device] if device else []), *(["--renew"] if renew else [])]


def runs_root() -> Path:
    """Where checkpoints and logs go: `$IAI_RUNS`, else `runs` beside the ledger's `book`."""
    ledger = records.root()
    beside = ledger.parent.parent if ledger.parent.name == "book" else ledger.parent
    return Path(os.environ.get("IAI_RUNS") or beside / "runs")


def matching(pattern: str) -> list[str]:
    """Keys that are `pattern`, lie below it, or match it as a shell pattern; `UserError` if none does."""
    below = pattern.rstrip("/") + "/"
    found = [key for key in EXPERIMENTS if f"{key}/".startswith(below) or fnmatch.fnmatchcase(key, pattern)]
    if found:
        return found
    groups = {"/".join(key.split("/")[:depth]) for key in EXPERIMENTS for depth in (1, 2)}
    raise unknown("key or pattern", pattern, [*EXPERIMENTS, *sorted(groups)])


def wanted(pattern: str, profile: str, seeds: int | None = None) -> list[Run]:
    """The runs of a pattern, most valuable first: paper tables, then first seeds, then the registry's order."""
    if profile not in PROFILES:
        raise unknown("profile", profile, PROFILES)
    runs = [
        Run(key=key, profile=profile, seed=seed)
        for key in matching(pattern)
        for seed in range(seeds_of(key, profile) if seeds is None else seeds)
    ]
    return sorted(runs, key=lambda one: (not one.key.startswith("table"), one.seed))
