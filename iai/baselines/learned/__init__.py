"""Learned baselines, called as an amortizer is: meta-learning, neural processes, hypernetwork, learned optimizer."""

from collections.abc import Callable
from typing import Any

from iai.baselines.learned.base import LearnedBaseline, Stepwise
from iai.baselines.learned.lstm import LSTMConfig, LSTMOptimizer
from iai.baselines.learned.meta import MAML, MAMLConfig, Reptile, ReptileConfig
from iai.baselines.learned.processes import (
    CNP,
    AttentiveCNP,
    AttentiveCNPConfig,
    CNPConfig,
    Hypernetwork,
    HypernetworkConfig,
)
from iai.types import Task

__all__ = [
    "CNP",
    "MAML",
    "AttentiveCNP",
    "AttentiveCNPConfig",
    "CNPConfig",
    "Hypernetwork",
    "HypernetworkConfig",
    "LSTMConfig",
    "LSTMOptimizer",
    "LearnedBaseline",
    "LearnedBaselineConfig",
    "MAMLConfig",
    "Reptile",
    "ReptileConfig",
    "Stepwise",
    "make",
]

LearnedBaselineConfig = MAMLConfig | ReptileConfig | CNPConfig | AttentiveCNPConfig | HypernetworkConfig | LSTMConfig
"""The description of a learned baseline, as plain data."""

KINDS: dict[type, Callable[[Any, Task], LearnedBaseline]] = {
    MAMLConfig: MAML,
    ReptileConfig: Reptile,
    CNPConfig: CNP,
    AttentiveCNPConfig: AttentiveCNP,
    HypernetworkConfig: Hypernetwork,
    LSTMConfig: LSTMOptimizer,
}


def make(config: LearnedBaselineConfig, task: Task) -> LearnedBaseline:
    """The untrained baseline of a config; `UserError` if it needs a known likelihood and the task has none."""
    return KINDS[type(config)](config, task)
