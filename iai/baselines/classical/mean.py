"""Predict the mean: what the targets alone tell, whatever the input."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from iai.types import Batch


@dataclass(frozen=True, kw_only=True)
class Mean:
    """The mean of the targets seen, for every query; 0, or the uniform law over classes, before any."""

    dy: int
    classify: bool = False

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        """Predictions of targets, or logits of the shares of the classes."""
        nothing = torch.zeros(x.shape[0], 1, self.dy, device=x.device)
        total = sum((b.y.sum(dim=1, keepdim=True) for b in batches), nothing)
        points = sum(b.points for b in batches)
        mean = total / max(points, 1)
        return (logits(mean, points) if self.classify else mean).expand(-1, x.shape[1], -1)


def logits(shares: Float[Tensor, "*batch dy"], points: int) -> Float[Tensor, "*batch dy"]:
    """Log probabilities of classes from their shares of `points` observations, each class a `1 / dy` more.

    One uniform pseudo-observation keeps the order of the classes, and the log loss of an unseen class finite.
    """
    return ((points * shares + 1 / shares.shape[-1]) / (points + 1)).log()
