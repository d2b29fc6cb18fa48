"""The one training loop. It knows neither regime, task nor loss: an objective yields losses, the loop follows them."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from tqdm import tqdm

from iai import checkpoint
from iai.types import UserError

Objective = Callable[[Any, torch.Generator, float], Iterator[Tensor]]
"""Losses of one roll-out of a model, each to be followed by one update, given the share of the training done."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How weights follow an objective: AdamW, linear warm-up, cosine decay, clipping by norm."""

    updates: int = 1000
    lr: float = 1e-3
    warmup: int = 50
    weight_decay: float = 0.01
    clip: float = 1.0
    betas: tuple[float, float] = (0.9, 0.98)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 autocast on CUDA, float32 elsewhere."""
    compile: bool = False
    checkpoint_seconds: float = 30.0


@dataclass
class Progress:
    """Where a training stands; all that a resumed run needs beside weights and optimizer."""

    update: int = 0
    rollout: int = 0
    seconds: float = 0.0
    losses: list[Tensor] = field(default_factory=list)


class Interrupted(KeyboardInterrupt):
    """A training was asked to stop and has written its checkpoint."""


class Diverged(ArithmeticError):
    """A loss was not finite; the last good checkpoint was kept."""


def pick_device(name: str | None = None) -> torch.device:
    """The named device, or CUDA where there is one, else the CPU; an unknown or absent one is a `UserError`."""
    fallback = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name or fallback)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(
            f"device {name!r} cannot be used here: choose {fallback!r} or leave it out"
        ) from error
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
    return device


def learning_rate(config: TrainConfig, update: int) -> float:
    """Linear warm-up to `lr`, then a cosine to a hundredth of it."""
    if update < config.warmup:
        return config.lr * (update + 1) / config.warmup
    done = (update - config.warmup) / max(1, config.updates - config.warmup)
    return config.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))


def generator_of(seed: int, rollout: int, device: torch.device | str = "cpu") -> torch.Generator:
    """The random numbers of one roll-out: a function of (seed, roll-out) alone, so that resuming is exact."""
    return torch.Generator(device).manual_seed((seed + 1) * 1_000_000_007 + rollout)


def train(
    model: nn.Module,
    objective: Objective,
    config: TrainConfig,
    *,
    seed: int,
    path: Path | None = None,
    identity: dict[str, Any] | None = None,
    show: bool = True,
) -> Progress:
    """Train `model` in place; with `path`, go on from the checkpoint there and write to it as time passes.

    `identity` is stored beside the weights, and a checkpoint of another identity is a `UserError`. SIGINT and SIGTERM
    finish the roll-out, write the checkpoint and raise `Interrupted`; a loss that is not finite raises `Diverged`.
    """
    device = next(model.parameters()).device
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, betas=config.betas, weight_decay=config.weight_decay, fused=True
    )
    progress = restore(path, model, optimizer, identity or {}) if path and path.exists() else Progress()
    compute = torch.compile(model) if config.compile else model
    half = config.precision == "bfloat16" or (config.precision == "auto" and device.type == "cuda")
    autocast = torch.autocast(device.type, torch.bfloat16) if half else nullcontext()
    started, saved = time.monotonic() - progress.seconds, time.monotonic()
    with (
        stop_signals() as stopped,
        tqdm(total=config.updates, initial=progress.update, disable=not show) as bar,
    ):
        while progress.update < config.updates:
            generator = generator_of(seed, progress.rollout, device)
            losses = objective(compute, generator, progress.update / config.updates)
            for loss in under(autocast, losses):
                follow(loss, model, optimizer, config, progress)
            progress.rollout += 1
            progress.seconds = time.monotonic() - started
            due = time.monotonic() - saved > config.checkpoint_seconds
            if due or stopped or progress.rollout % 20 == 0 or progress.update >= config.updates:
                last = check_finite(model, progress, path)
                bar.set_postfix(loss=f"{last:.4g}", refresh=False)
            bar.update(progress.update - bar.n)
            if path and (due or stopped or progress.update >= config.updates):
                save(path, model, optimizer, progress, identity or {})
                saved = time.monotonic()
            if stopped:
                saved_at = f"checkpoint at {path}; run the same command to go on"
                where = saved_at if path else "nothing was saved: no path"
                raise Interrupted(f"stopped after update {progress.update} of {config.updates}; {where}")
    return progress


def under(precision: AbstractContextManager[Any], losses: Iterator[Tensor]) -> Iterator[Tensor]:
    """Losses computed in a context that their backward pass and the update of the weights stay out of."""
    while True:
        with precision:
            loss = next(losses, None)
        if loss is None:
            return
        yield loss


def follow(
    loss: Tensor, model: nn.Module, optimizer: torch.optim.Optimizer, config: TrainConfig, progress: Progress
) -> None:
    """One update of the weights."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, progress.update)
    optimizer.step()
    progress.losses.append(loss.detach())
    progress.update += 1


def check_finite(model: nn.Module, progress: Progress, path: Path | None) -> float:
    """The mean of the last losses; `Diverged` names the first update that was not finite or left such weights."""
    losses = torch.stack([loss.float().cpu() for loss in progress.losses])
    wrong = (~losses.isfinite()).nonzero()
    if len(wrong) or not all(weight.isfinite().all() for weight in model.parameters()):
        update = int(wrong[0]) if len(wrong) else progress.update - 1
        what = (
            f"the loss of update {update} is {losses[update].item()}"
            if len(wrong)
            else f"weights are not finite after update {update}"
        )
        kept = f"; the last good checkpoint is {path}" if path and path.exists() else ""
        raise Diverged(f"{what}{kept}: lower lr or clip and run again")
    return losses[-20:].mean().item()


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that fills when SIGINT or SIGTERM arrives, in place of dying; a second signal is obeyed at once."""
    received: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    try:
        before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: signals are somebody else's
        yield received
        return
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def save(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    identity: dict[str, Any],
) -> None:
    """Write weights, optimizer, losses and position as one checkpoint, atomically."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
    tensors["losses"] = torch.stack([loss.float().cpu() for loss in progress.losses])
    position = {"update": progress.update, "rollout": progress.rollout, "seconds": progress.seconds}
    checkpoint.write(path, tensors, identity | {"progress": position})


def restore(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, identity: dict[str, Any]
) -> Progress:
    """Load a checkpoint of the same identity into model and optimizer."""
    tensors, metadata = checkpoint.read(path)
    position = metadata.pop("progress")
    for name, what in (("config_hash", "configuration"), ("seed", "seed")):
        if metadata.get(name) != identity.get(name):
            raise UserError(f"{path} belongs to another {what}: move it away or restore the {what}")
    model.load_state_dict({name[6:]: value for name, value in tensors.items() if name.startswith("model.")})
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, moment = name.split(".")
            state.setdefault(int(index), {})[moment] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(losses=list(tensors["losses"]), **position)
