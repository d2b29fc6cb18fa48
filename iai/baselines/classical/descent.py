"""Gradient descent on theta through the task's known likelihood: SGD and Adam, one step a mini-batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import grad, vmap

from iai.baselines.classical.fitted import Fitted
from iai.losses import LOSSES
from iai.types import Batch, Decode

GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Learning rates that are tried."""


@dataclass(frozen=True, kw_only=True)
class Descent(Fitted):
    """theta_i+1 = theta_i - step(gradient of the mean loss on batch i), the case g = optimizer of eq. 7.

    `init` is every entry of theta_0. The mini-batches are read `passes` times, in their order.
    Adam: Kingma and Ba (2015), beta 0.9 and 0.999.
    """

    decode: Decode
    loss: str
    theta_shape: tuple[int, int]
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.1
    passes: int = 1
    init: float = 0.0

    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        """theta of each task after all mini-batches; `x` only says how many tasks there are."""
        theta = torch.full((x.shape[0], *self.theta_shape), self.init, device=x.device)
        first, second = torch.zeros_like(theta), torch.zeros_like(theta)
        gradient = vmap(grad(self._loss))
        for i, batch in enumerate(list(batches) * self.passes, start=1):
            g = gradient(theta, batch.x, batch.y)
            if self.optimizer == "sgd":
                theta = theta - self.learning_rate * g
                continue
            first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g.square()
            change = (first / (1 - 0.9**i)) / ((second / (1 - 0.999**i)).sqrt() + 1e-8)
            theta = theta - self.learning_rate * change
        return theta

    def _loss(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return LOSSES[self.loss](self.decode(x, theta), y).mean()
