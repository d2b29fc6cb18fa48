"""One update of the weights: AdamW or Muon at a scheduled rate, on the clipped mean gradient of all processes."""

import math
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from iai.fields import Amount, Count, Share, Size, config, recorded
from iai.training import distributed


@config
class TrainConfig:
    """Settings of training: AdamW or Muon, linear warm-up, cosine decay, clipping by norm."""

    updates: Size = 1000
    lr: Amount = 1e-3
    warmup: Count = 50
    weight_decay: Amount = 0.01
    clip: Amount = 1.0
    betas: tuple[Share, Share] = (0.9, 0.98)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 autocast where its products are faster than those of float32, else float32."""
    compile: bool = False
    """Compile the refiner with `torch.compile`; the cost chapter says what that gains."""
    checkpoint_seconds: Amount = 30.0
    capture: bool = recorded(default=True, omitted=True)
    """On CUDA, replay a whole update of a pool of tasks as one CUDA graph."""
    optimizer: Literal["adamw", "muon"] = recorded(default="adamw", omitted=True)
    """muon: Muon for the matrices of Transformer blocks, AdamW for the rest."""
    matrix_lr: Amount = recorded(default=4e-3, omitted=True)
    """Rate of the matrices under Muon; `lr` is that of the rest."""


@dataclass
class Progress:
    """The position of a training: all that a resumed run needs beside weights and optimizer."""

    update: int = 0
    rollout: int = 0
    seconds: float = 0.0
    losses: list[Tensor] = field(default_factory=list)


def adamw(model: nn.Module, config: TrainConfig, without: Set[nn.Parameter] = frozenset()) -> torch.optim.AdamW:
    """Fused AdamW; on CUDA its rate is a tensor, and it may be captured in a CUDA graph."""
    device = next(model.parameters()).device
    cuda = device.type == "cuda"
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p not in without],
        lr=torch.tensor(config.lr, device=device) if cuda else config.lr,
        betas=config.betas,
        weight_decay=config.weight_decay,
        fused=True,
        capturable=cuda,
    )
    # Some steps are not captured on purpose; each would be a warning.
    optimizer._warned_capturable_if_run_uncaptured = True
    return optimizer


def learning_rate(config: TrainConfig, update: int) -> float:
    """Linear warm-up to `lr`, then a cosine to a hundredth of it."""
    if update < config.warmup:
        return config.lr * (update + 1) / config.warmup
    done = (update - config.warmup) / max(1, config.updates - config.warmup)
    return config.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def set_rate(optimizer: torch.optim.Optimizer, rate: float | Tensor) -> None:
    """Set the rate of the next step, times the `scale` of a group that has one; in place where it is a tensor."""
    for group in optimizer.param_groups:
        scaled = rate * group["scale"] if "scale" in group else rate
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(scaled)
        else:
            group["lr"] = scaled


def train_step(
    loss: Tensor, model: nn.Module, optimizer: torch.optim.Optimizer, config: TrainConfig, progress: Progress
) -> None:
    """One update of the weights, counted in `progress`."""
    set_rate(optimizer, learning_rate(config, progress.update))
    progress.losses.append(optimizer_step(loss, model, optimizer, config))
    progress.update += 1


def optimizer_step(loss: Tensor, model: nn.Module, optimizer: torch.optim.Optimizer, config: TrainConfig) -> Tensor:
    """One step of the optimizer at its present rate; returns the loss, detached, as the mean over all processes."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    mean = loss.detach()
    distributed.average([mean, *(p.grad for p in model.parameters() if p.grad is not None)])
    nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    optimizer.step()
    return mean
