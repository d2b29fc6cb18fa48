"""The pool of `Greedy`: tasks at different steps, and the mini-batch that each of them reads next."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from iai.types import Batch, State


@dataclass(frozen=True)
class Pool:
    """Tasks in equal cohorts, the oldest first: all their observations and queries, and their present states."""

    data: Batch
    state: State

    def tensors(self) -> list[Tensor]:
        """All tensors of the pool; their first axis is tasks."""
        return [self.data.x, self.data.y, self.state.value, self.state.anchor, self.state.past]

    def map(self, change: Callable[..., Tensor], *others: "Pool") -> "Pool":
        """The pool of `change(tensor, ...)`, tensor by tensor, beside those of other pools."""
        tensors = zip(self.tensors(), *(other.tensors() for other in others), strict=True)
        x, y, value, anchor, past = (change(*aligned) for aligned in tensors)
        return Pool(Batch(x, y), State(value, anchor, past))

    def admit(self, *cohorts: "Pool") -> "Pool":
        """The pool with new cohorts at its end, in contiguous memory."""
        return self.map(lambda *tensors: torch.cat(tensors), *cohorts)

    def retire(self, tasks: int) -> "Pool":
        """The pool without its first `tasks` tasks."""
        return self.map(lambda tensor: tensor[tasks:])

    def clone(self) -> "Pool":
        """A copy in memory of its own."""
        return self.map(torch.Tensor.clone)

    def copy_(self, other: "Pool") -> "Pool":
        """Copy the content of another pool into this one, in place."""
        return self.map(torch.Tensor.copy_, other)


def current_batches(data: Batch, cohorts: int, points: int) -> Batch:
    """The mini-batch of `points` observations that each of some equal cohorts reads next.

    The newest cohort, which is last, reads its first mini-batch; the others are one further each: a diagonal::

        mini-batch       1  2  3
        oldest cohort    .  .  x
                         .  x  .
        newest cohort    x  .  .
    """
    cohort = torch.arange(cohorts, device=data.x.device)

    def diagonal(values: Float[Tensor, "tasks n d"]) -> Float[Tensor, "tasks points d"]:
        steps = values.unflatten(1, (-1, points)).unflatten(0, (cohorts, -1))
        return steps[cohort, :, cohorts - 1 - cohort].flatten(0, 1)

    return Batch(diagonal(data.x), diagonal(data.y))
