"""The base class of learned baselines: f(x, g(D_T)) as a module, and its training loss."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import vmap

from iai.losses import LOSSES
from iai.types import Batch, KnownTask, Task, UserError, full_precision

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


class Inferring(LearnedBaseline):
    """f is the task's known likelihood; g returns theta, from a learned `start`. `UserError` for a task without one."""

    task: KnownTask

    def __init__(self, task: Task):
        super().__init__(task)
        if not hasattr(task, "decode"):
            raise UserError(f"{type(task).__name__} has no known decode: choose an attentive CNP, which learns its own")
        self.start = nn.Parameter(torch.zeros(self.task.theta_shape))

    def f(self, x: Inputs, adapted: Theta) -> Outputs:
        with full_precision(x.device):
            return vmap(self.task.decode)(x, adapted)
