"""Base classes of learned baselines: f(x, g(D_T)) as a module, its training loss, gradients of a known likelihood."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import grad, vmap

from iai.losses import LOSSES
from iai.types import Batch, KnownTask, Task, UserError

Inputs = Float[Tensor, "tasks q dx"]
"""Queries."""
Outputs = Float[Tensor, "tasks q dy"]
"""Predictions, or logits, at queries."""
Theta = Float[Tensor, "tasks slots width"]
"""Parameters of a known likelihood, one set a task."""


class LearnedBaseline(nn.Module, ABC):
    """A learner `(batches, x) -> y_hat` with weights: f sees of a task what g returns, and nothing else."""

    def __init__(self, task: Task):
        super().__init__()
        self.task = task

    @abstractmethod
    def g(self, batches: Sequence[Batch], x: Inputs) -> Any:
        """What the data of each task are reduced to; `x` only says how many tasks there are."""

    @abstractmethod
    def f(self, x: Inputs, adapted: Any) -> Outputs:
        """Predictions at x from what g returned."""

    def forward(self, batches: Sequence[Batch], x: Inputs) -> Outputs:
        """f(x, g(D_T))."""
        return self.f(x, self.g(batches, x))

    def training_loss(self, batches: Sequence[Batch], queries: Batch) -> Float[Tensor, ""]:
        """The training objective: the mean loss of held-out queries (eq. 6)."""
        return LOSSES[self.task.loss](self(batches, queries.x), queries.y).mean()


class Stepwise(LearnedBaseline):
    """f is the task's known likelihood; g moves theta from a learned start, one step a mini-batch."""

    def __init__(self, task: Task):
        super().__init__(task)
        self.known = known(task)
        self.start = nn.Parameter(torch.zeros(self.known.theta_shape))

    @abstractmethod
    def step(self, theta: Theta, batch: Batch, memory: Any) -> tuple[Theta, Any]:
        """theta of each task after one more mini-batch, and what the next step remembers (None at the first)."""

    def predictions(self, batches: Sequence[Batch], x: Inputs) -> Iterator[Tensor]:
        """Predictions at x, `tasks q dy`, before the first mini-batch and after each."""
        return (self.f(x, theta) for theta in self.path(batches, x))

    def path(self, batches: Sequence[Batch], x: Inputs) -> Iterator[Theta]:
        """theta of each task before the first mini-batch and after each."""
        theta, memory = self.start.expand(x.shape[0], -1, -1), None
        yield theta
        for batch in batches:
            theta, memory = self.step(theta, batch, memory)
            yield theta

    def g(self, batches: Sequence[Batch], x: Inputs) -> Theta:
        """theta of each task after all mini-batches."""
        *_, last = self.path(batches, x)
        return last

    def f(self, x: Inputs, adapted: Theta) -> Outputs:
        """The task's known likelihood."""
        return decoded(self.known, x, adapted)


def known(task: Task) -> KnownTask:
    """The task as one whose likelihood is known; a `UserError` if it is not."""
    if not hasattr(task, "decode"):
        raise UserError(f"{type(task).__name__} has no known decode: choose a CNP, which learns its own")
    return task  # type: ignore[return-value]


def decoded(task: KnownTask, x: Inputs, theta: Theta) -> Outputs:
    """decode(x, theta), task by task."""
    return vmap(task.decode)(x, theta)


def task_gradients(task: KnownTask, theta: Theta, batch: Batch) -> Theta:
    """The gradient of each task's mean loss on a mini-batch in its own theta; differentiable again."""

    def mean_loss(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return LOSSES[task.loss](task.decode(x, theta), y).mean()

    return vmap(grad(mean_loss))(theta, batch.x, batch.y)
