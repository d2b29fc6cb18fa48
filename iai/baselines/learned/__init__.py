"""Learned baselines, called as an amortizer is: meta-learning, neural processes, hypernetwork, learned optimizer."""

from collections.abc import Callable
from typing import Any

from iai.baselines.learned.base import LearnedBaseline
from iai.baselines.learned.processes import (
    CNP,
    AttentiveCNP,
    AttentiveCNPConfig,
    CNPConfig,
    Hypernetwork,
    HypernetworkConfig,
)
from iai.baselines.learned.stepwise import MAML, LSTMConfig, LSTMOptimizer, MAMLConfig, Reptile, ReptileConfig, Stepwise
from iai.types import Task

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
