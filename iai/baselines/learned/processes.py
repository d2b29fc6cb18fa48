"""A neural process: a one-shot learner, which reads all observations as a set."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from iai.baselines.learned.base import Inputs, LearnedBaseline, Outputs
from iai.fields import Size, config
from iai.types import Batch, Task

Codes = Float[Tensor, "tasks n code"]
"""A code for nothing and one of each observation."""


@config
class AttentiveCNPConfig:
    """Width of all layers and of the codes, and heads of the attention of queries to observations."""

    width: Size = 128
    heads: Size = 8


class AttentiveCNP(LearnedBaseline):
    """f: a network of a query and a code, which it reads from all codes by attention from x to x; g: the codes.

    The deterministic path of Kim et al. (2019). A learned code for having seen nothing stands beside those of
    observations. Normalised keys and queries are ours: without them attention starts nearly uniform, and images stay at
    chance.
    """

    def __init__(self, config: AttentiveCNPConfig, task: Task):
        super().__init__(task)
        width, self.heads = config.width, config.heads
        self.x_scale, self.y_scale = (getattr(task, name, 1.0) for name in ("x_scale", "y_scale"))
        self.encode = Residual(task.dx + task.dy, width, width, width)
        self.answer = perceptron(task.dx + width, width, width, task.dy)
        self.place = nn.Sequential(*perceptron(task.dx, width, width), nn.LayerNorm(width))
        self.value = nn.Linear(width, width)
        self.nowhere, self.nothing = (nn.Parameter(torch.zeros(1, 1, width)) for _ in range(2))

    def g(self, batches: Sequence[Batch], x: Inputs) -> tuple[Codes, Codes]:
        """Keys and values, those of nothing first."""
        one = (x.shape[0], -1, -1)
        places = [self.place(b.x / self.x_scale) for b in batches]
        codes = [self.encode(torch.cat([b.x / self.x_scale, b.y / self.y_scale], dim=-1)) for b in batches]
        keys = torch.cat([self.nowhere.expand(one), *places], dim=1)
        return keys, self.value(torch.cat([self.nothing.expand(one), *codes], dim=1))

    def f(self, x: Inputs, adapted: tuple[Codes, Codes]) -> Outputs:
        rows = (self.place(x / self.x_scale), *adapted)
        q, k, v = (one.unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in rows)
        code = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        y_hat = self.answer(torch.cat([x / self.x_scale, code], dim=-1)).to(x.dtype)
        return self.y_scale * y_hat if self.task.loss == "squared_error" else y_hat


class Residual(nn.Module):
    """A perceptron beside a linear map, so that it has only the bends to learn."""

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
