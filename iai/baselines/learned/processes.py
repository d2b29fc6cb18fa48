"""One-shot learners, which read all observations as a set: neural processes, and a network that writes theta."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from iai.baselines.learned.base import Inferring, Inputs, LearnedBaseline, Outputs, Theta
from iai.fields import Size, config
from iai.types import Batch, Task

Codings = Float[Tensor, "tasks n code"]
"""Codes of nothing and of each observation."""


@config
class CNPConfig:
    """Width of all layers and of the code."""

    width: Size = 128


@config
class AttentiveCNPConfig:
    """Width of all layers and of the codes, and heads of the attention of queries to observations."""

    width: Size = 128
    heads: Size = 8


@config
class HypernetworkConfig:
    """Width of all layers and of the code that theta is written from."""

    width: Size = 128


class Codes(nn.Module):
    """A code of each observation, of x alone unless `labelled`, after a learned one for having seen nothing."""

    def __init__(self, task: Task, width: int, labelled: bool = True):
        super().__init__()
        self.x_scale, self.y_scale = (getattr(task, name, 1.0) for name in ("x_scale", "y_scale"))
        self.dy, self.seen = task.dy, task.dx + task.dy * labelled
        self.network = Residual(self.seen, width, width, width)
        self.nothing = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, batches: Sequence[Batch], x: Inputs) -> Codings:
        pairs = [torch.cat([b.x / self.x_scale, b.y / self.y_scale], dim=-1) for b in batches]
        rows = [self.network(pair[..., : self.seen]) for pair in pairs]
        return torch.cat([self.nothing.expand(x.shape[0], -1, -1), *rows], dim=1)


class Answers(nn.Module):
    """A learned likelihood of queries that each have a code, in the units of the targets."""

    def __init__(self, task: Task, width: int, code: int):
        super().__init__()
        self.x_scale = getattr(task, "x_scale", 1.0)
        self.scale = getattr(task, "y_scale", 1.0) if task.loss == "squared_error" else 1.0
        self.network: nn.Module = perceptron(task.dx + code, width, width, task.dy)

    def forward(self, x: Inputs, code: Float[Tensor, "tasks q code"]) -> Outputs:
        return self.scale * self.network(torch.cat([x / self.x_scale, code], dim=-1)).to(x.dtype)


class CNP(LearnedBaseline):
    """f: a network of query and code; g: the mean of encoded observations (Garnelo et al. 2018). Both are learned.

    Of classes, f is one network for all: the logit of a class from its own code, and that times the query's. Codes side
    by side in one network, as in the source, stay at chance on images whose inputs are projected anew in each task.
    """

    def __init__(self, config: CNPConfig, task: Task):
        super().__init__(task)
        self.pooled = Pooled(task, config.width)
        size = self.pooled.size
        self.answers = Answers(task, config.width, size)
        if self.pooled.classes:
            self.answers.network = Residual(2 * size, config.width, 1)

    def g(self, batches: Sequence[Batch], x: Inputs) -> Codings:
        return self.pooled(batches, x)

    def f(self, x: Inputs, adapted: Codings) -> Outputs:
        if not self.pooled.classes:
            return self.answers(x, adapted.expand(-1, x.shape[1], -1))
        code = adapted[:, None]
        query = self.pooled.codes.network(x / self.answers.x_scale)[:, :, None]
        pair = torch.cat([query * code, code.expand(-1, x.shape[1], -1, -1)], dim=-1)
        return self.answers.network(pair)[..., 0].to(x.dtype)


class AttentiveCNP(LearnedBaseline):
    """A CNP whose queries weigh the codes by attention from x to x: the deterministic path of Kim et al. (2019).

    Normalised keys and queries are ours: without them attention starts nearly uniform, and images stay at chance.
    """

    def __init__(self, config: AttentiveCNPConfig, task: Task):
        super().__init__(task)
        width, self.heads = config.width, config.heads
        self.codes, self.answers = Codes(task, width), Answers(task, width, width)
        self.place = nn.Sequential(*perceptron(task.dx, width, width), nn.LayerNorm(width))
        self.value = nn.Linear(width, width)
        self.nowhere = nn.Parameter(torch.zeros(1, 1, width))

    def g(self, batches: Sequence[Batch], x: Inputs) -> tuple[Codings, Codings]:
        places = [self.place(b.x / self.codes.x_scale) for b in batches]
        keys = torch.cat([self.nowhere.expand(x.shape[0], -1, -1), *places], dim=1)
        return keys, self.value(self.codes(batches, x))

    def f(self, x: Inputs, adapted: tuple[Codings, Codings]) -> Outputs:
        asked = self.place(x / self.codes.x_scale)
        q, k, v = (rows.unflatten(-1, (self.heads, -1)).transpose(1, 2) for rows in (asked, *adapted))
        return self.answers(x, F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Hypernetwork(Inferring):
    """f: the task's known likelihood; g: a network writes theta from the mean code, in one shot (Ha et al. 2017).

    A theta with a slot a class is written slot by slot, each from the code of its class. What is written is added to a
    learned start, and is 0 before training.
    """

    def __init__(self, config: HypernetworkConfig, task: Task):
        super().__init__(task)
        self.pooled = Pooled(task, config.width)
        rows = task.dy if self.pooled.classes else 1
        self.apart = rows if self.start.shape[0] == rows else 1  # networks' worth of theta, one code each
        self.write = Residual(self.pooled.size * rows // self.apart, config.width, self.start.numel() // self.apart)
        for last in [*self.write.line.parameters(), *self.write.bent[-1].parameters()]:
            nn.init.zeros_(last)

    def g(self, batches: Sequence[Batch], x: Inputs) -> Theta:
        codes = self.pooled(batches, x).reshape(x.shape[0], self.apart, -1)
        return self.start + self.write(codes).view(-1, *self.start.shape)


class Pooled(nn.Module):
    """The mean code of all observations and, where targets are classes, one for each class, of x alone.

    A learned code for "nothing seen" counts as one more observation of every class, and is the code before any
    mini-batch.
    """

    def __init__(self, task: Task, width: int):
        super().__init__()
        self.classes = task.loss == "cross_entropy"
        self.size = width // 2 if self.classes else width
        self.codes = Codes(task, self.size, labelled=not self.classes)

    def forward(self, batches: Sequence[Batch], x: Inputs) -> Codings:
        rows = self.codes(batches, x)
        if not self.classes:
            return rows.mean(1, keepdim=True)
        one = x.new_ones(x.shape[0], 1, self.codes.dy)
        member = torch.cat([one, *(b.y for b in batches)], dim=1)
        return member.mT @ rows / member.sum(1)[..., None]


class Residual(nn.Module):
    """A perceptron beside a linear map: class means, say, need no bend, and a bend has to be learned away."""

    def __init__(self, *widths: int):
        super().__init__()
        self.line, self.bent = nn.Linear(widths[0], widths[-1]), perceptron(*widths)

    def forward(self, x: Float[Tensor, "*rows before"]) -> Float[Tensor, "*rows after"]:
        return self.line(x) + self.bent(x)


def perceptron(*widths: int) -> nn.Sequential:
    """Linear layers of these widths with GELU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.GELU()]
    return nn.Sequential(*layers[:-1])
