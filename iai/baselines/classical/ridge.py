"""Ridge regression: the Bayes-optimal learner of linear regression, with and without a memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from iai.types import Batch, concat

EXACT = 1e-9
"""The noise variance that stands for none."""


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
    """Ridge around the current theta, batch by batch: best if all that is known of its error is its mean size.

    theta carries no covariance, so the prior of a batch is N(theta, v I), with v the mean variance of the last
    posterior over coordinates and tasks, and 1 at first (block Kaczmarz).
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
