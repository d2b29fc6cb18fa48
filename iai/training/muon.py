"""Muon: matrices of Transformer blocks move along an orthogonalised momentum, all other weights by AdamW.

Jordan et al. (2024), https://kellerjordan.github.io/posts/muon/, at the rate of Liu et al. (2025), arXiv 2502.16982.
"""

from collections import defaultdict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iai.model.attention import Block
from iai.training.graph import half
from iai.training.optimizer import TrainConfig, adamw
from iai.types import UserError

MOMENTUM = 0.95
RMS = 0.2
"""Root mean square of an update by AdamW, over its rate."""


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimizer that a config names."""
    return adamw(model, config) if config.optimizer == "adamw" else Muon(model, config)


class Muon(torch.optim.Optimizer):
    """`torch.optim.Muon`, with Nesterov momentum, for the matrices of blocks, and fused AdamW for the rest.

    Queries, keys and values are matrices of their own. Matrices of one shape are orthogonalised together: in bfloat16
    where a GPU trains in it, else in float32, which is as fast for their sizes on a CPU.
    """

    def __init__(self, model: nn.Module, config: TrainConfig) -> None:
        blocks = [module for module in model.modules() if isinstance(module, Block)]
        if not (blocks and config.lr):
            raise UserError("optimizer='muon' needs a Transformer's blocks and lr > 0: choose optimizer='adamw'")
        matrices: list[Any] = [layer.weight for one in blocks for layer in (one.qkv, one.out, one.up, one.down)]
        self.rest = adamw(model, config, without=set(matrices))
        (rest,), scale = self.rest.param_groups, config.matrix_lr / config.lr
        changes = {"params": matrices, "parts": [3, 1, 1, 1] * len(blocks), "scale": scale, "lr": rest["lr"] * scale}
        super().__init__([rest, rest | changes], {})
        device = matrices[0].device
        self.dtype = torch.bfloat16 if device.type == "cuda" and half(config, device) else torch.float32

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure
        """One update of all weights that have a gradient, at the rates of their groups."""
        self.rest.state, self.rest.param_groups = self.state, self.param_groups[:1]
        self.rest.step()
        group = self.param_groups[1]
        rate, stacks = group["lr"], defaultdict(list)
        for matrix, parts in zip(group["params"], group["parts"]):
            if matrix.grad is None:
                continue
            if "momentum_buffer" not in self.state[matrix]:
                self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
            momentum = self.state[matrix]["momentum_buffer"].lerp_(matrix.grad, 1 - MOMENTUM)
            weight, step = (one.unflatten(0, (parts, -1)) for one in (matrix, matrix.grad.lerp(momentum, MOMENTUM)))
            if weight.shape[1] > weight.shape[2]:
                weight, step = weight.mT, step.mT
            stacks[weight.shape[1:]].append((weight, step))
        for (_, longer), pairs in stacks.items():
            weights, steps = zip(*pairs)
            update = orthogonal(torch.cat(steps).to(self.dtype)).to(weights[0].dtype) * (RMS * longer**0.5 * rate)
            for weight, step in zip(weights, update.split([len(weight) for weight in weights])):
                weight.mul_(1 - rate * group["weight_decay"]).sub_(step)


def orthogonal(matrices: Float[Tensor, "n rows columns"]) -> Float[Tensor, "n rows columns"]:
    """Matrices, none of them tall, with all singular values near 1: five Newton-Schulz steps of degree five."""
    x = matrices / torch.linalg.vector_norm(matrices, dim=(1, 2), keepdim=True).clamp_min(1e-7)
    for _ in range(5):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return x
