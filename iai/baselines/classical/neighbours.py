"""k nearest neighbours: predict with the targets of the points seen that lie nearest to the query."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from iai.baselines.classical.mean import Mean, logits
from iai.types import Batch, concat


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The mean target, or the votes, of the `neighbours` nearest points by Euclidean distance."""

    dy: int
    classify: bool = False
    neighbours: int = 5

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        """Predictions of targets, or logits of the shares of the votes."""
        if not batches:
            return Mean(dy=self.dy, classify=self.classify)(batches, x)
        seen = concat(batches)
        votes = min(self.neighbours, seen.points)
        nearest = torch.cdist(x, seen.x).topk(votes, dim=-1, largest=False).indices
        tasks, queries = x.shape[:2]
        index = nearest.reshape(tasks, -1, 1).expand(-1, -1, self.dy)
        mean = seen.y.gather(1, index).reshape(tasks, queries, votes, self.dy).mean(dim=2)
        return logits(mean, votes) if self.classify else mean
