"""One-shot learners, which read all observations as a set: neural processes, and a network that writes theta."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from iai.rivals.base import Rival, decoded, known
from iai.types import Batch, Task


@dataclass(frozen=True, kw_only=True)
class CNPConfig:
    """Width of all layers and of the code."""

    width: int = 128


@dataclass(frozen=True, kw_only=True)
class AttentiveCNPConfig:
    """Width of all layers and of the codes, and heads of the attention of queries to observations."""

    width: int = 128
    heads: int = 8


@dataclass(frozen=True, kw_only=True)
class HypernetworkConfig:
    """Width of all layers and of the code that theta is written from."""

    width: int = 128


class Codes(nn.Module):
    """Codes of observations, each by itself, after a learned one that stands for having seen nothing."""

    def __init__(self, task: Task, width: int):
        super().__init__()
        self.x_scale, self.y_scale = (getattr(task, name, 1.0) for name in ("x_scale", "y_scale"))
        self.network = perceptron(task.dx + task.dy, width, width, width)
        self.nothing = nn.Parameter(torch.zeros(1, 1, width))

    def forward(
        self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]
    ) -> Float[Tensor, "tasks n code"]:
        """A code for nothing and one for each observation of all mini-batches."""
        pairs = [torch.cat([b.x / self.x_scale, b.y / self.y_scale], dim=-1) for b in batches]
        return torch.cat([self.nothing.expand(x.shape[0], -1, -1), *map(self.network, pairs)], dim=1)


class Answers(nn.Module):
    """A learned likelihood of a query and a code, in the units of the targets."""

    def __init__(self, task: Task, width: int):
        super().__init__()
        self.x_scale = getattr(task, "x_scale", 1.0)
        self.scale = getattr(task, "y_scale", 1.0) if task.loss == "squared_error" else 1.0
        self.network = perceptron(task.dx + width, width, width, task.dy)

    def forward(
        self, x: Float[Tensor, "tasks q dx"], code: Float[Tensor, "tasks q code"]
    ) -> Float[Tensor, "tasks q dy"]:
        """Predictions, or logits, of queries that each have a code."""
        return self.scale * self.network(torch.cat([x / self.x_scale, code], dim=-1))


class CNP(Rival):
    """f: a network of query and code; g: the mean of encoded observations (Garnelo et al. 2018). Both are learned.

    A learned code for "nothing seen" counts as one more observation, so that no data has an answer as well.
    """

    def __init__(self, config: CNPConfig, task: Task):
        super().__init__(task)
        self.codes, self.answers = Codes(task, config.width), Answers(task, config.width)

    def g(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks code"]:
        """The mean code."""
        return self.codes(batches, x).mean(1)

    def f(
        self, x: Float[Tensor, "tasks q dx"], adapted: Float[Tensor, "tasks code"]
    ) -> Float[Tensor, "tasks q dy"]:
        """The learned likelihood of queries that all have the task's code."""
        return self.answers(x, adapted[:, None].expand(-1, x.shape[1], -1))


class AttentiveCNP(Rival):
    """A CNP whose queries weigh the codes by attention from x to x: the deterministic path of Kim et al. (2019)."""

    def __init__(self, config: AttentiveCNPConfig, task: Task):
        super().__init__(task)
        width, self.heads = config.width, config.heads
        self.codes, self.answers = Codes(task, width), Answers(task, width)
        self.place, self.value = perceptron(task.dx, width, width), nn.Linear(width, width)
        self.nowhere = nn.Parameter(torch.zeros(1, 1, width))

    def g(
        self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]
    ) -> tuple[Float[Tensor, "tasks n code"], Float[Tensor, "tasks n code"]]:
        """Keys and values of nothing and of each observation."""
        places = [self.place(b.x / self.codes.x_scale) for b in batches]
        keys = torch.cat([self.nowhere.expand(x.shape[0], -1, -1), *places], dim=1)
        return keys, self.value(self.codes(batches, x))

    def f(
        self, x: Float[Tensor, "tasks q dx"], adapted: tuple[Tensor, Tensor]
    ) -> Float[Tensor, "tasks q dy"]:
        """The learned likelihood of queries, each with the code that it attends to."""
        asked = self.place(x / self.codes.x_scale)
        q, k, v = (rows.unflatten(-1, (self.heads, -1)).transpose(1, 2) for rows in (asked, *adapted))
        return self.answers(x, F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Hypernetwork(Rival):
    """f: the task's known likelihood; g: a network writes theta from the mean code, in one shot (Ha et al. 2017)."""

    def __init__(self, config: HypernetworkConfig, task: Task):
        super().__init__(task)
        self.known, width = known(task), config.width
        slots, each = self.known.theta_shape
        self.codes, self.write = Codes(task, width), perceptron(width, width, slots * each)
        self.start = nn.Parameter(torch.zeros(slots, each))
        for last in self.write[-1].parameters():
            nn.init.zeros_(last)

    def g(
        self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]
    ) -> Float[Tensor, "tasks slots width"]:
        """A learned start and what is written on it, which is nothing before training."""
        return self.start + self.write(self.codes(batches, x).mean(1)).view(-1, *self.start.shape)

    def f(
        self, x: Float[Tensor, "tasks q dx"], adapted: Float[Tensor, "tasks slots width"]
    ) -> Float[Tensor, "tasks q dy"]:
        """The task's known likelihood."""
        return decoded(self.known, x, adapted)


def perceptron(*widths: int) -> nn.Sequential:
    """Linear layers of these widths with GELU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.GELU()]
    return nn.Sequential(*layers[:-1])
