"""Meta-learning: f is the task's known likelihood, g is SGD from a learned start, one step a mini-batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iai.baselines.learned.base import Stepwise, Theta, task_gradients
from iai.types import Batch, Task


@dataclass(frozen=True, kw_only=True)
class MAMLConfig:
    """`rate` is the inner learning rate before training; with `first_order`, gradients are not differentiated."""

    rate: float = 0.1
    first_order: bool = False


@dataclass(frozen=True, kw_only=True)
class ReptileConfig:
    """`rate` is the inner learning rate, which is not learned."""

    rate: float = 0.1


class MAML(Stepwise):
    """theta_i+1 = theta_i - rate * gradient of batch i (eq. 3), learned through all steps (Finn et al. 2017).

    The rate is learned too, one number for all steps and parameters, as its logarithm; Meta-SGD (Li et al. 2017)
    learns one a parameter.
    """

    def __init__(self, config: MAMLConfig, task: Task):
        super().__init__(task)
        self.first_order = config.first_order
        self.log_rate = nn.Parameter(torch.tensor(config.rate).log())

    def step(self, theta: Theta, batch: Batch, memory: Any) -> tuple[Theta, Any]:
        """A step of SGD at the learned rate."""
        slope = task_gradients(self.known, theta, batch)
        return theta - self.log_rate.exp() * (slope.detach() if self.first_order else slope), None


class Reptile(Stepwise):
    """SGD at a fixed rate from a start that moves towards its own results (Nichol et al. 2018); needs no queries."""

    def __init__(self, config: ReptileConfig, task: Task):
        super().__init__(task)
        self.rate = config.rate

    def step(self, theta: Theta, batch: Batch, memory: Any) -> tuple[Theta, Any]:
        """A step of SGD at the fixed rate."""
        return theta - self.rate * task_gradients(self.known, theta, batch), None

    def training_loss(self, batches: Sequence[Batch], queries: Batch) -> Float[Tensor, ""]:
        """|start - theta_k|^2 / 2 with theta_k held fixed: its gradient is Reptile's, the mean of start - theta_k."""
        with torch.no_grad():
            reached = self.g(batches, queries.x)
        return 0.5 * (self.start - reached).square().sum((1, 2)).mean()
