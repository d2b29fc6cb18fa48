"""Learners that fit parameters to the data of each task and read them by a likelihood; and how one is chosen."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from iai.losses import LOSSES, Loss
from iai.types import Batch, Learner

Candidate = TypeVar("Candidate", bound=Learner)
"""A learner of some kind."""


class Fitted(ABC):
    """f(x, theta(batches)): one theta a task, and the likelihood that reads it."""

    decode: Callable[..., Tensor]
    """The likelihood of one task: inputs `n dx` and its theta to predictions `n dy`."""

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        """Predictions of the likelihood at the theta of each task."""
        return vmap(self.decode)(x, self.theta(batches, x))

    @abstractmethod
    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        """theta of each task given all mini-batches; `x` only says how many tasks there are."""


def best(candidates: Sequence[Candidate], loss: Loss, batches: Sequence[Batch], queries: Batch) -> Candidate:
    """The candidate of least mean loss over 1, 2, 5, 10, 20 ... mini-batches; one that diverges loses.

    `batches` and `queries` must be of other tasks than those of an evaluation.
    """
    steps = [k for k in (1, 2, 5, 10, 20) if k <= len(batches)]

    def mean_loss(learner: Learner) -> float:
        losses = [loss(learner(batches[:k], queries.x), queries.y).mean() for k in steps]
        return torch.stack(losses).mean().nan_to_num(nan=float("inf")).item()

    return min(candidates, key=mean_loss)


def tune(learner: Any, batches: Sequence[Batch], queries: Batch, setting: str, grid: Sequence[float]) -> Any:
    """The same learner with the value of `setting`, of those in `grid`, that does best by its own loss."""
    return best([replace(learner, **{setting: value}) for value in grid], LOSSES[learner.loss], batches, queries)
