"""What learned baselines share: f(x, g(D_T)) as a module, its training loss, gradients of a known likelihood."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import grad, vmap

from iai.losses import LOSSES
from iai.types import Batch, KnownTask, Task, UserError


class LearnedBaseline(nn.Module, ABC):
    """A learned learner `(batches, x) -> y_hat`: what g returns is all that f learns of a task."""

    def __init__(self, task: Task):
        super().__init__()
        self.task = task

    @abstractmethod
    def g(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Any:
        """What is made of the data; the queries only say how many tasks there are."""

    @abstractmethod
    def f(self, x: Float[Tensor, "tasks q dx"], adapted: Any) -> Float[Tensor, "tasks q dy"]:
        """Predictions at x from what g made."""

    def forward(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        """f(x, g(D_T))."""
        return self.f(x, self.g(batches, x))

    def training_loss(self, batches: Sequence[Batch], queries: Batch) -> Float[Tensor, ""]:
        """What its training minimises: the mean loss of held-out queries (eq. 6)."""
        return LOSSES[self.task.loss](self(batches, queries.x), queries.y).mean()


class Stepwise(LearnedBaseline):
    """f is the task's known likelihood, g takes theta from a learned start one step further with each mini-batch."""

    def __init__(self, task: Task):
        super().__init__(task)
        self.known = known(task)
        self.start = nn.Parameter(torch.zeros(self.known.theta_shape))

    @abstractmethod
    def path(
        self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]
    ) -> Iterator[Float[Tensor, "tasks slots width"]]:
        """theta of each task before the first mini-batch and after each."""

    def predictions(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Iterator[Tensor]:
        """Predictions at x, `tasks q dy`, before the first mini-batch and after each."""
        return (self.f(x, theta) for theta in self.path(batches, x))

    def g(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        """theta of each task after all mini-batches."""
        *_, last = self.path(batches, x)
        return last

    def f(
        self, x: Float[Tensor, "tasks q dx"], adapted: Float[Tensor, "tasks slots width"]
    ) -> Float[Tensor, "tasks q dy"]:
        """The task's known likelihood."""
        return decoded(self.known, x, adapted)


def known(task: Task) -> KnownTask:
    """The task as one whose likelihood is known; a `UserError` if it is not."""
    if not hasattr(task, "decode"):
        raise UserError(f"{type(task).__name__} has no known decode: choose a CNP, which learns its own")
    return task  # type: ignore[return-value]


def decoded(
    task: KnownTask, x: Float[Tensor, "tasks q dx"], theta: Float[Tensor, "tasks slots width"]
) -> Float[Tensor, "tasks q dy"]:
    """decode(x, theta), task by task."""
    return vmap(task.decode)(x, theta)


def task_gradients(
    task: KnownTask, theta: Float[Tensor, "tasks slots width"], batch: Batch
) -> Float[Tensor, "tasks slots width"]:
    """The gradient of each task's mean loss on a mini-batch in its own theta; differentiable again."""

    def mean_loss(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return LOSSES[task.loss](task.decode(x, theta), y).mean()

    return vmap(grad(mean_loss))(theta, batch.x, batch.y)
