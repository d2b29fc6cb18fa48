"""Bayes-optimal learners, which know the noise and the prior: of gravity and of linear regression."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from iai.fields import Amount, config
from iai.tasks import Gravity, LinearRegression
from iai.types import Batch, concat

GRID = 4096
"""Values of theta at which the posterior is computed."""


@config
class Ridge:
    """E[y | all points seen] for y = w x + b + N(0, noise_variance), w and b standard normal."""

    noise_variance: Amount
    bias: bool = True

    forgets: ClassVar[bool] = False

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        design, noise = LinearRegression(bias=self.bias).design, max(self.noise_variance, 1e-9)
        theta = torch.zeros(x.shape[0], x.shape[2] + self.bias, 1, device=x.device, dtype=torch.float64)
        identity, variance = torch.eye(theta.shape[1], device=x.device, dtype=theta.dtype), theta.new_ones(())
        for batch in batches if self.forgets or not batches else [concat(batches)]:
            known, y = design(batch.x.double()), batch.y.double()
            covariance = torch.linalg.inv(known.mT @ known / noise + identity / variance)
            theta = theta + covariance @ (known.mT @ (y - known @ theta)) / noise
            variance = covariance.diagonal(dim1=-2, dim2=-1).mean()
        return (design(x.double()) @ theta).to(x.dtype)


class Memoryless(Ridge):
    """Ridge around the current theta, batch by batch: the best learner that keeps theta without a covariance.

    The prior of a batch is N(theta, v I), with v the mean variance of the last posterior over coordinates and tasks,
    and 1 at first (block Kaczmarz).
    """

    forgets = True


@config
class Planet:
    """E[y | all points seen] in metres, of a `Gravity` task: y at the posterior mean of theta, as y is linear in it."""

    task: Gravity

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q 2"]) -> Float[Tensor, "tasks q 1"]:
        theta = torch.linspace(self.task.weakest, self.task.strongest, GRID, device=x.device).double()
        evidence = torch.zeros(x.shape[0], GRID, device=x.device, dtype=torch.float64)
        for batch in batches:
            weightless, slope = self._line(batch.x)
            rest = batch.y.double() - weightless
            # sum (rest - slope theta)^2, without its constant term.
            fit = slope.square().sum(1) * theta.square() - 2 * (slope * rest).sum(1) * theta
            evidence = evidence - fit / (2 * self.task.noise_sd**2)
        weightless, slope = self._line(x)
        mean = (evidence.softmax(dim=1) * theta).sum(dim=1)
        return (weightless + slope * mean[:, None, None]).to(x.dtype)

    def _line(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Height without gravity, and the change of height for a theta of 1."""
        decode = vmap(self.task.decode, in_dims=(0, None))
        weightless = decode(x.double(), x.new_zeros(1, 1).double())
        return weightless, decode(x.double(), x.new_ones(1, 1).double()) - weightless
