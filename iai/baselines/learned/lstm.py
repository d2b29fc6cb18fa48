"""A learned optimizer: one small LSTM, shared by all coordinates of theta, turns gradients into steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iai.baselines.learned.base import Stepwise, Theta, task_gradients
from iai.losses import LOSSES
from iai.types import Batch, Task


@dataclass(frozen=True, kw_only=True)
class LSTMConfig:
    """`width` of both layers, `scale` of a step, and the p of the gradients' preprocessing: the source's values."""

    width: int = 20
    scale: float = 0.1
    p: float = 10.0


class LSTMOptimizer(Stepwise):
    """f: the known likelihood; g: theta_i+1 = theta_i + LSTM(gradient of batch i), coordinate by coordinate.

    Andrychowicz et al. (2016): two layers; gradients are preprocessed (their Appendix A) and not differentiated. The
    start is learned too, as those of the other baselines; losses are those of held-out queries.
    """

    def __init__(self, config: LSTMConfig, task: Task):
        super().__init__(task)
        self.config = config
        self.first, self.second = nn.LSTMCell(2, config.width), nn.LSTMCell(config.width, config.width)
        self.move = nn.Linear(config.width, 1)

    def step(self, theta: Theta, batch: Batch, memory: Any) -> tuple[Theta, Any]:
        """The LSTM's step; it remembers the states of both layers."""
        lower, upper = memory or [(theta.new_zeros(theta.numel(), self.config.width),) * 2] * 2
        slope = task_gradients(self.known, theta.detach(), batch).detach()
        lower = self.first(preprocessed(slope, self.config.p).flatten(0, 2), lower)
        upper = self.second(lower[0], upper)
        return theta + self.config.scale * self.move(upper[0]).view_as(theta), (lower, upper)

    def training_loss(self, batches: Sequence[Batch], queries: Batch) -> Float[Tensor, ""]:
        """The mean over steps of the loss of held-out queries."""
        loss = LOSSES[self.task.loss]
        _, *reached = self.path(batches, queries.x)
        return torch.stack([loss(self.f(queries.x, theta), queries.y).mean() for theta in reached]).mean()


def preprocessed(slope: Float[Tensor, "*shape"], p: float) -> Float[Tensor, "*shape 2"]:
    """(log|g| / p, sign g) of a gradient of at least e^-p, else (-1, e^p g)."""
    size = slope.abs()
    large = size >= math.exp(-p)
    first = torch.where(large, size.clamp_min(1e-30).log() / p, -1.0)
    second = torch.where(large, slope.sign(), slope * math.exp(p))
    return torch.stack([first, second], dim=-1)
