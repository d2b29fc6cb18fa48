"""Bayes-optimal learners, which know the noise and the prior: of gravity and of linear regression."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from iai.tasks import Gravity
from iai.types import Batch, concat

EXACT = 1e-9
"""The noise variance that is used in place of 0."""
GRID = 4096
"""Values of theta at which the posterior is computed."""


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """E[y | all points seen] for y = w x + b + N(0, noise_variance), w and b standard normal."""

    noise_variance: float
    bias: bool = True

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        """The posterior mean of the queries' targets; 0 before any point."""
        theta = torch.zeros(x.shape[0], x.shape[2] + self.bias, 1, device=x.device, dtype=torch.float64)
        variance: float | Tensor = 1.0
        for batch in self._updates(batches):
            design = _design(batch.x, self.bias)
            theta, variance = _posterior(theta, variance, design, batch.y, self.noise_variance)
        return (_design(x, self.bias) @ theta).to(x.dtype)

    def _updates(self, batches: Sequence[Batch]) -> Sequence[Batch]:
        return [concat(batches)] if batches else []


class Memoryless(Ridge):
    """Ridge around the current theta, batch by batch: the best learner that keeps theta without a covariance.

    The prior of a batch is N(theta, v I), with v the mean variance of the last posterior over coordinates and tasks,
    and 1 at first (block Kaczmarz).
    """

    def _updates(self, batches: Sequence[Batch]) -> Sequence[Batch]:
        return batches


def _design(x: Tensor, bias: bool) -> Tensor:
    """The inputs in double precision, with a column of ones for the bias."""
    x = x.double()
    return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1) if bias else x


def _posterior(
    prior: Tensor, variance: float | Tensor, design: Tensor, y: Tensor, noise_variance: float
) -> tuple[Tensor, Tensor]:
    """Posterior mean for theta ~ N(prior, variance I); mean variance of a coordinate, over all tasks."""
    noise = max(noise_variance, EXACT)
    identity = torch.eye(design.shape[-1], device=design.device, dtype=design.dtype)
    covariance = torch.linalg.inv(design.mT @ design / noise + identity / variance)
    change = covariance @ (design.mT @ (y.double() - design @ prior)) / noise
    return prior + change, covariance.diagonal(dim1=-2, dim2=-1).mean()


@dataclass(frozen=True, kw_only=True)
class Planet:
    """E[y | all points seen] for a `Gravity` task: y is linear in theta, so it is y at the posterior mean."""

    task: Gravity

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q 2"]) -> Float[Tensor, "tasks q 1"]:
        """Heights in metres at the posterior mean of theta; at the prior mean before any point."""
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
