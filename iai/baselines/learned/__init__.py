"""Learned baselines, called as an amortizer is: meta-learning, neural processes, hypernetwork, learned optimizer."""

from collections.abc import Callable
from typing import Any

from iai.baselines.learned import processes, stepwise
from iai.baselines.learned.base import LearnedBaseline
from iai.baselines.learned.processes import AttentiveCNPConfig, CNPConfig, HypernetworkConfig
from iai.baselines.learned.stepwise import LSTMConfig, MAMLConfig, ReptileConfig
from iai.types import Task

LearnedBaselineConfig = MAMLConfig | ReptileConfig | CNPConfig | AttentiveCNPConfig | HypernetworkConfig | LSTMConfig
"""The description of a learned baseline, as plain data."""

KINDS: dict[type, Callable[[Any, Task], LearnedBaseline]] = {
    MAMLConfig: stepwise.MAML,
    ReptileConfig: stepwise.Reptile,
    CNPConfig: processes.CNP,
    AttentiveCNPConfig: processes.AttentiveCNP,
    HypernetworkConfig: processes.Hypernetwork,
    LSTMConfig: stepwise.LSTMOptimizer,
}


def make(config: LearnedBaselineConfig, task: Task) -> LearnedBaseline:
    """The untrained baseline of a config; `UserError` if it needs a known likelihood and the task has none."""
    return KINDS[type(config)](config, task)
