"""Learners of theta of a known likelihood, step by step from a learned start: MAML, a learned optimizer."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import grad, vmap

from iai.baselines.learned.base import Inferring, Inputs, Theta
from iai.fields import Amount, Size, config
from iai.losses import LOSSES
from iai.types import Batch, Task, full_precision


@config
class MAMLConfig:
    """`rate` is the inner learning rate before training; with `first_order`, gradients are not differentiated."""

    rate: Amount = 0.1
    first_order: bool = False


@config
class LSTMConfig:
    """`width` of both layers, `scale` of a step, and the p of the gradients' preprocessing: the source's values."""

    width: Size = 20
    scale: Amount = 0.1
    p: Amount = 10.0


class Stepwise(Inferring):
    """f is the task's known likelihood; g moves theta from a learned start, one step a mini-batch."""

    @abstractmethod
    def step(self, theta: Theta, batch: Batch, memory: Any) -> tuple[Theta, Any]:
        """theta of each task after one more mini-batch, and what the next step remembers (None at the first)."""

    def predictions(self, batches: Sequence[Batch], x: Inputs) -> Iterator[Tensor]:
        return (self.f(x, theta) for theta in self.path(batches, x))

    def path(self, batches: Sequence[Batch], x: Inputs) -> Iterator[Theta]:
        """theta of each task before the first mini-batch and after each."""
        theta, memory = self.start.expand(x.shape[0], -1, -1), None
        yield theta
        for batch in batches:
            theta, memory = self.step(theta, batch, memory) if batch.points else (theta, memory)
            yield theta

    def g(self, batches: Sequence[Batch], x: Inputs) -> Theta:
        *_, last = self.path(batches, x)
        return last

    def slope(self, theta: Theta, batch: Batch) -> Theta:
        """The gradient of each task's mean loss on a mini-batch in its own theta; differentiable again."""
        gradient = grad(lambda theta, x, y: LOSSES[self.task.loss](self.task.decode(x, theta), y).mean())
        with full_precision(theta.device):
            return vmap(gradient)(theta, batch.x, batch.y)


class MAML(Stepwise):
    """theta_i+1 = theta_i - rate * gradient of batch i (eq. 3), learned through all steps (Finn et al. 2017).

    The rate is learned too, one number for all steps and parameters, as its logarithm; Meta-SGD (Li et al. 2017)
    learns one a parameter.
    """

    def __init__(self, config: MAMLConfig, task: Task):
        super().__init__(task)
        self.first_order = config.first_order
        self.log_rate = nn.Parameter(torch.tensor(config.rate).log())

    def step(self, theta: Theta, batch: Batch, memory: Any) -> tuple[Theta, Any]:
        slope = self.slope(theta, batch)
        return theta - self.log_rate.exp() * (slope.detach() if self.first_order else slope), None


class LSTMOptimizer(Stepwise):
    """f: the known likelihood; g: theta_i+1 = theta_i + LSTM(gradient of batch i), coordinate by coordinate.

    Andrychowicz et al. (2016): two layers; gradients are preprocessed (their Appendix A) and not differentiated. The
    start is learned too, as those of the other baselines.
    """

    def __init__(self, config: LSTMConfig, task: Task):
        super().__init__(task)
        self.config = config
        self.first, self.second = nn.LSTMCell(2, config.width), nn.LSTMCell(config.width, config.width)
        self.move = nn.Linear(config.width, 1)

    def step(self, theta: Theta, batch: Batch, memory: Any) -> tuple[Theta, Any]:
        lower, upper = memory or [(theta.new_zeros(theta.numel(), self.config.width),) * 2] * 2
        slope = self.slope(theta.detach(), batch).detach()
        lower = self.first(preprocessed(slope, self.config.p).flatten(0, 2), lower)
        upper = self.second(lower[0], upper)
        return theta + self.config.scale * self.move(upper[0]).view_as(theta), (lower, upper)

    def training_loss(self, batches: Sequence[Batch], queries: Batch) -> Float[Tensor, ""]:
        """The mean loss of held-out queries over all steps."""
        _, *answers = self.predictions(batches, queries.x)
        return torch.stack([LOSSES[self.task.loss](answer, queries.y).mean() for answer in answers]).mean()


def preprocessed(slope: Float[Tensor, "*shape"], p: float) -> Float[Tensor, "*shape 2"]:
    """(log|g| / p, sign g) of a gradient of at least e^-p, else (-1, e^p g)."""
    size = slope.abs()
    large = size >= math.exp(-p)
    first = torch.where(large, size.clamp_min(1e-30).log() / p, -1.0)
    second = torch.where(large, slope.sign(), slope * math.exp(p))
    return torch.stack([first, second], dim=-1)
