"""Learned baselines, called as an amortizer is: meta-learning, an attentive neural process, a learned optimizer."""

from collections.abc import Callable
from typing import Any

from iai.baselines.learned import processes, stepwise
from iai.baselines.learned.base import LearnedBaseline
from iai.baselines.learned.processes import AttentiveCNPConfig
from iai.baselines.learned.stepwise import LSTMConfig, MAMLConfig
from iai.types import Task

LearnedBaselineConfig = MAMLConfig | AttentiveCNPConfig | LSTMConfig
"""The description of a learned baseline, as plain data."""

KINDS: dict[type, Callable[[Any, Task], LearnedBaseline]] = {
    MAMLConfig: stepwise.MAML,
    AttentiveCNPConfig: processes.AttentiveCNP,
    LSTMConfig: stepwise.LSTMOptimizer,
}


def make(config: LearnedBaselineConfig, task: Task) -> LearnedBaseline:
    """The untrained baseline of a config; `UserError` if it needs a known likelihood and the task has none."""
    return KINDS[type(config)](config, task)
