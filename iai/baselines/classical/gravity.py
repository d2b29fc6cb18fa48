"""The Bayes-optimal learner of gravity tasks: a uniform prior over planets, and Gaussian noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from iai.tasks import Gravity
from iai.types import Batch

GRID = 4096
"""Values of theta at which the posterior is computed."""


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
