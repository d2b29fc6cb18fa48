"""Learners that fit theta to the data of each task: the base class, gradient descent, and how settings are tuned."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import grad, vmap

from iai.fields import Amount, Share, Size, config
from iai.losses import LOSSES, Loss, LossName
from iai.types import Batch, Decode, Learner, concat

RATES = tuple(float(f"{digits}e{power}") for power in range(-3, 1) for digits in (1, 1.5, 2, 3, 5, 7))
MANY_PASSES_GRID = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
PENALTIES = (0.3, 1.0, 3.0, 10.0)
"""What is tried: learning rates for one pass over the data and for ten, penalties for descent to convergence.

Of one pass a rate is at most 1.67 times the last: on a quadratic of 32 dimensions the best one is near the edge of
stability, and steps of 2 to 2.5 left its error a quarter too high.
"""
STEPS = (1, 2, 5, 10, 20)
"""Numbers of mini-batches that learners are tuned for, and judged at."""

Candidate = TypeVar("Candidate", bound=Learner)


class Fitted(ABC):
    """A learner that fits one theta to the data of each task, and predicts with a likelihood: f(x, theta(batches))."""

    decode: Callable[..., Tensor]

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        return vmap(self.decode)(x, self.theta(batches, x))

    @abstractmethod
    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        """theta of each task given all mini-batches; `x` only says how many tasks there are."""


@config
class Descent(Fitted):
    """theta_i+1 = theta_i - step(gradient of the mean loss on batch i), the case g = optimizer of eq. 7.

    `init` is every entry of theta_0. The mini-batches are read `passes` times, in their order. `momentum` is that of
    SGD: Polyak (1964). Adam: Kingma and Ba (2015), beta 0.9 and 0.999.
    """

    decode: Decode
    loss: LossName
    theta_shape: tuple[Size, Size]
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: Amount = 0.1
    momentum: Share = 0.0
    passes: Size = 1
    init: float = 0.0

    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        theta = x.new_full((x.shape[0], *self.theta_shape), self.init)
        first, second = torch.zeros_like(theta), torch.zeros_like(theta)
        gradient = vmap(grad(lambda theta, x, y: LOSSES[self.loss](self.decode(x, theta), y).mean()))
        for i, batch in enumerate([b for b in batches if b.points] * self.passes, start=1):
            g = gradient(theta, batch.x, batch.y)
            if self.optimizer == "sgd":
                first = self.momentum * first + g
                theta = theta - self.learning_rate * first
                continue
            first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g.square()
            change = (first / (1 - 0.9**i)) / ((second / (1 - 0.999**i)).sqrt() + 1e-8)
            theta = theta - self.learning_rate * change
        return theta


@config
class Converged(Fitted):
    """argmin over theta of the loss summed over all points, plus `penalty` |theta - init|^2 / 2 (Liu, Nocedal 1989).

    All tasks are solved as one problem, the sum of theirs; its minimum is that of each task. It is solved until no
    entry of the gradient, in units of the mean loss, exceeds `tolerance`, or for `iterations`. For squared errors of
    Gaussian noise and a standard normal prior, the penalty of ridge regression is twice the noise variance.
    """

    decode: Decode
    loss: LossName
    theta_shape: tuple[Size, Size]
    penalty: Amount = 1.0
    init: float = 0.0
    tolerance: Amount = 1e-2
    iterations: Size = 200

    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        shape = (x.shape[0], *self.theta_shape)
        theta = torch.full(shape, self.init, dtype=x.dtype, device=x.device, requires_grad=True)
        if not any(batch.points for batch in batches):
            return theta.detach()
        seen = concat(batches)
        solver = torch.optim.LBFGS(
            [theta], max_iter=self.iterations, tolerance_grad=self.tolerance, line_search_fn="strong_wolfe"
        )

        def total() -> Tensor:
            theta.grad = None
            fit = LOSSES[self.loss](vmap(self.decode)(seen.x, theta), seen.y).sum()
            loss = (fit + self.penalty / 2 * (theta - self.init).square().sum()) / seen.points
            loss.backward()
            return loss

        with torch.enable_grad():
            solver.step(total)
        return theta.detach()


@dataclass(frozen=True)
class ByStep(Fitted):
    """After k mini-batches, the learner that was tuned for k of them, or for the next smaller number there is."""

    decode: Decode
    tuned: dict[int, Any]

    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        seen = sum(batch.points > 0 for batch in batches)
        k = max((k for k in self.tuned if k <= seen), default=min(self.tuned))
        return self.tuned[k].theta(batches, x)


def best(
    candidates: Sequence[Candidate],
    loss: Loss,
    batches: Sequence[Batch],
    queries: Batch,
    steps: Sequence[int] = STEPS,
) -> Candidate:
    """The candidate of least mean loss over some numbers of mini-batches, as far as there are; one that diverges loses.

    `batches` and `queries` must be of other tasks than those of an evaluation.
    """
    if len(candidates) == 1:
        return candidates[0]

    def mean_loss(learner: Learner) -> float:
        losses = [loss(learner(batches[:k], queries.x), queries.y).mean() for k in steps if k <= len(batches)]
        return torch.stack(losses).mean().nan_to_num(nan=float("inf")).item()

    return min(candidates, key=mean_loss)


def tune(learner: Any, batches: Sequence[Batch], queries: Batch, setting: str, grid: Sequence[float]) -> ByStep:
    """The same learner with, for each of `STEPS`, the value of `setting` in `grid` that does best after so many."""
    candidates, loss = [replace(learner, **{setting: value}) for value in grid], LOSSES[learner.loss]
    steps = [k for k in STEPS if k <= len(batches)]
    return ByStep(learner.decode, {k: best(candidates, loss, batches, queries, [k]) for k in steps})
