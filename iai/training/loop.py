"""The training loop. It knows neither regime, task nor loss: an objective yields losses, each for one update."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from iai.training import distributed
from iai.training.checkpoint import Checkpoint
from iai.training.graph import CapturedUpdates
from iai.training.objectives import Greedy
from iai.training.optimizer import Progress, TrainConfig, adamw, train_step
from iai.types import UserError

Objective = Callable[[Any, torch.Generator, float], Iterator[Tensor]]
"""Losses of one roll-out of a model, each for one update, after a share of the training."""


class Interrupted(KeyboardInterrupt):
    """A training received a signal to stop, and wrote its checkpoint."""


class Diverged(ArithmeticError):
    """A loss or a weight was not finite; the last good checkpoint is kept."""


def pick_device(name: str | None = None) -> torch.device:
    """The named device, or CUDA where there is one, else the CPU; an unknown or absent one is a `UserError`."""
    fallback = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name or fallback)
        torch.zeros((), device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        raise UserError(f"device {name!r} cannot be used here: choose {fallback!r} or leave it out") from error
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
    return device


def seed_of(seed: int, rollout: int) -> int:
    """The seed of one roll-out: a function of (seed, roll-out) alone, so that resuming is exact."""
    return (seed + 1) * 1_000_000_007 + rollout


def generator_of(seed: int, rollout: int, device: torch.device | str = "cpu") -> torch.Generator:
    """The random numbers of one roll-out."""
    return torch.Generator(device).manual_seed(seed_of(seed, rollout))


def train(
    model: nn.Module,
    objective: Objective,
    config: TrainConfig,
    *,
    seed: int,
    checkpoint: Checkpoint | None = None,
    show: bool = True,
) -> Progress:
    """Train `model` in place; with a checkpoint, resume from it and write to it as time passes.

    SIGINT and SIGTERM finish the roll-out, write the checkpoint and raise `Interrupted`; a loss or weight that is not
    finite raises `Diverged`; a checkpoint of another training is a `UserError`.
    """
    optimizer, first = adamw(model, config), distributed.rank() == 0
    progress = checkpoint.restore(model, optimizer) if checkpoint else Progress()
    roll_out = rollout_function(model, objective, optimizer, config, seed)
    started, saved = time.monotonic() - progress.seconds, time.monotonic()
    bar = tqdm(total=config.updates, initial=progress.update, disable=not (show and first))
    with stop_signals() as signals, bar:
        while progress.update < config.updates:
            roll_out(progress)
            progress.rollout += 1
            bar.update(progress.update - bar.n)
            stopped = distributed.any_process(bool(signals))
            due = stopped or progress.update >= config.updates or time.monotonic() - saved > config.checkpoint_seconds
            if due or progress.rollout % 20 == 0:  # waits for the device, so that time is its time
                bar.set_postfix(loss=f"{check_finite(model, progress, checkpoint):.4g}", refresh=False)
            progress.seconds = time.monotonic() - started
            if due and checkpoint and first:
                checkpoint.save(model, optimizer, progress)
            saved = time.monotonic() if due else saved
            if stopped:
                raise interrupted(progress, config, checkpoint)
    return progress


def rollout_function(
    model: nn.Module, objective: Objective, optimizer: torch.optim.Optimizer, config: TrainConfig, seed: int
) -> Callable[[Progress], None]:
    """A function that trains for one roll-out: with captured updates of a pool on CUDA, else one loss at a time."""
    device = next(model.parameters()).device
    half = config.precision == "bfloat16" or (config.precision == "auto" and device.type == "cuda")
    # No cache: it would keep weights that were first used under no_grad as constants.
    autocast = torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if half else nullcontext()

    def one_loss_at_a_time(progress: Progress) -> None:
        generator = generator_of(seed, progress.rollout, device)
        losses = objective(model, generator, progress.update / config.updates)
        while True:
            with autocast:  # the backward pass and the update stay out of it
                loss = next(losses, None)
            if loss is None:
                return
            train_step(loss, model, optimizer, config, progress)

    if not (config.capture and device.type == "cuda" and isinstance(objective, Greedy)):
        return one_loss_at_a_time
    updates = CapturedUpdates(model, objective, optimizer, config, autocast)

    def captured(progress: Progress) -> None:
        grown = objective.grown(progress.update / config.updates)
        updates.roll_out(grown, seed_of(seed, progress.rollout), progress)

    return captured


def interrupted(progress: Progress, config: TrainConfig, checkpoint: Checkpoint | None) -> Interrupted:
    """The error of a training that was stopped; it says where its checkpoint is."""
    kept = "nothing was saved: no path"
    if checkpoint:
        kept = f"checkpoint at {checkpoint.path}; run the same command to go on"
    return Interrupted(f"stopped after update {progress.update} of {config.updates}; {kept}")


def check_finite(model: nn.Module, progress: Progress, checkpoint: Checkpoint | None) -> float:
    """The mean of the last 20 losses; `Diverged` names the first update whose loss or weights were not finite."""
    losses = torch.stack(progress.losses).float().cpu()
    wrong = (~losses.isfinite()).nonzero()
    if len(wrong):
        what = f"the loss of update {int(wrong[0])} is {losses[wrong[0]].item()}"
    elif not torch.stack([weight.isfinite().all() for weight in model.parameters()]).all():
        what = f"weights are not finite after update {progress.update - 1}"
    else:
        return losses[-20:].mean().item()
    kept = f"; the last good checkpoint is {checkpoint.path}" if checkpoint and checkpoint.path.exists() else ""
    raise Diverged(f"{what}{kept}: lower lr or clip and run again")


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that collects SIGINT and SIGTERM inside the block; a second SIGINT raises `KeyboardInterrupt` at once.

    A second SIGTERM does not: batch systems send several before they kill.
    """
    received: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(number)

    try:
        before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread, which alone may handle signals
        yield received
        return
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
