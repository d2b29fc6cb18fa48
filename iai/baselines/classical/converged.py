"""Descent to convergence: the theta of the task's known likelihood that fits all points seen best, by L-BFGS."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from iai.baselines.classical.fitted import Fitted
from iai.losses import LOSSES
from iai.types import Batch, Decode, concat

GRID = (0.3, 1.0, 3.0, 10.0)
"""Penalties that are tried."""


@dataclass(frozen=True, kw_only=True)
class Converged(Fitted):
    """argmin over theta of the loss summed over all points, plus `penalty` |theta - init|^2 / 2 (Liu, Nocedal 1989).

    All tasks are solved as one problem, the sum of theirs; its minimum is that of each task. It is solved until no
    entry of the gradient, in units of the mean loss, exceeds `tolerance`, or for `iterations`. For squared errors of
    Gaussian noise and a standard normal prior, the penalty of ridge regression is twice the noise variance.
    """

    decode: Decode
    loss: str
    theta_shape: tuple[int, int]
    penalty: float = 1.0
    init: float = 0.0
    tolerance: float = 1e-2
    iterations: int = 200

    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        """theta of each task given all observations; `init` before any."""
        shape = (x.shape[0], *self.theta_shape)
        theta = torch.full(shape, self.init, dtype=x.dtype, device=x.device, requires_grad=True)
        if not batches:
            return theta.detach()
        seen = concat(batches)
        solver = torch.optim.LBFGS(
            [theta], max_iter=self.iterations, tolerance_grad=self.tolerance, line_search_fn="strong_wolfe"
        )

        def total() -> Tensor:
            theta.grad = None
            fit = LOSSES[self.loss](vmap(self.decode)(seen.x, theta), seen.y).sum()
            loss = (fit + self.penalty / 2 * (theta - self.init).square().sum()) / seen.points
            loss.backward()
            return loss

        with torch.enable_grad():
            solver.step(total)
        return theta.detach()
