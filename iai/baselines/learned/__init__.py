"""Learned baselines, called as an amortizer is: meta-learning, neural processes, hypernetwork, learned optimizer."""

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
"""What describes a rival, as plain data."""


def make(config: LearnedBaselineConfig, task: Task) -> LearnedBaseline:
    """The untrained rival that a config describes; `UserError` if it needs a known likelihood and there is none."""
    match config:
        case MAMLConfig():
            return MAML(config, task)
        case ReptileConfig():
            return Reptile(config, task)
        case CNPConfig():
            return CNP(config, task)
        case AttentiveCNPConfig():
            return AttentiveCNP(config, task)
        case HypernetworkConfig():
            return Hypernetwork(config, task)
        case LSTMConfig():
            return LSTMOptimizer(config, task)
