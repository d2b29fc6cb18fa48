"""The training loop. It knows neither regime, task nor loss: an objective yields losses, each for one update."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass, replace
from math import isfinite
from pathlib import Path
from statistics import fmean
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from iai.fields import Seed, checked
from iai.model import Amortizer
from iai.tasks import seed_of
from iai.training import distributed
from iai.training.checkpoint import Checkpoint
from iai.training.graph import CapturedUpdates, autocast, captures
from iai.training.muon import make_optimizer
from iai.training.objectives import StepObjective
from iai.training.optimizer import Progress, TrainConfig, train_step
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
        other = f"{fallback!r} or leave it out" if name not in (None, fallback) else "'cpu'"
        raise UserError(f"device {name or fallback!r} cannot be used here: choose {other}") from error
    return device


def generator_of(seed: int, rollout: int, device: torch.device | str = "cpu") -> torch.Generator:
    """The random numbers of one roll-out."""
    return torch.Generator(device).manual_seed(seed_of(seed, rollout))


def train(
    model: nn.Module,
    objective: Objective,
    config: TrainConfig,
    *,
    seed: int,
    checkpoint: Checkpoint | Path | str | None = None,
    show: bool = True,
    log: Callable[[int, float], None] | None = None,
) -> Progress:
    """Train `model` in place; with a checkpoint, resume from it and write to it as time passes.

    `log(update, loss)` is called once for every update, some updates later, as the host does not wait for each. SIGINT
    and SIGTERM finish the roll-out, write the checkpoint and raise `Interrupted`; a loss or weight that is not finite
    raises `Diverged`; a checkpoint of another training, or a task that draws what it should not, is a `UserError`.
    """
    checked("seed", seed, Seed)
    checkpoint = identified(checkpoint, model, objective, config, seed) if checkpoint else None
    if config.compile and isinstance(model, Amortizer):
        model.refiner.compile()
    optimizer, first = make_optimizer(model, config), distributed.rank() == 0
    progress = checkpoint.restore(model, optimizer) if checkpoint else Progress()
    if isinstance(objective, StepObjective) and progress.update < config.updates:
        objective.try_out(generator_of(seed, progress.rollout, next(model.parameters()).device))
    started, saved, logged = time.monotonic() - progress.seconds, time.monotonic(), progress.update
    bar = tqdm(total=config.updates, initial=progress.update, disable=not (show and first))
    with stop_signals() as signals, bar, torch.cuda.device_of(next(model.parameters())):
        roll_out = rollout_function(model, objective, optimizer, config, seed)
        while progress.update < config.updates:
            roll_out(progress)
            progress.rollout += 1
            bar.update(progress.update - bar.n)
            stopped = distributed.any_process(bool(signals))
            due = stopped or progress.update >= config.updates or time.monotonic() - saved > config.checkpoint_seconds
            if due or progress.rollout % 20 == 0:  # waits for the device, so that time is its time
                losses = torch.stack(progress.losses).float().tolist()
                bar.set_postfix(loss=f"{fmean(losses[-20:]):.4g}", refresh=False)
                for update in range(logged, len(losses) if log and first else 0):
                    log(update, losses[update])  # type: ignore[misc]
                logged = len(losses)
                check_finite(losses, model, progress, checkpoint)
            progress.seconds = time.monotonic() - started
            if due and checkpoint and first:
                checkpoint.save(model, optimizer, progress)
            saved = time.monotonic() if due else saved
            if stopped:
                kept = "nothing was saved: no path"
                if checkpoint:
                    kept = f"checkpoint at {checkpoint.path}; run the same command to go on"
                raise Interrupted(f"stopped after update {progress.update} of {config.updates}; {kept}")
    return progress


def identified(
    checkpoint: Checkpoint | Path | str, model: nn.Module, objective: Any, config: TrainConfig, seed: int
) -> Checkpoint:
    """A checkpoint that only goes on with the same seed, settings, objective and model, as far as these are plain data.

    What is not is a class whose instances hold tensors, or a function.
    """
    kept = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(Path(checkpoint).expanduser())
    task = getattr(objective, "task", None)
    facts = [(module, name) for module in model.modules() for name in ("config", "signal", "space")]
    described = {
        "objective": (objective, getattr(task, "__dict__", "")) if is_dataclass(objective) else "a function",
        "training settings": replace(config, checkpoint_seconds=0.0),
        "model": [getattr(module, name) for module, name in facts if hasattr(module, name)],
    }
    words = {name: re.sub(r" at 0x[0-9a-f]+", "", repr(value)) for name, value in described.items()}
    must_match = kept.must_match | {name: name for name in ("seed", *words)}
    return replace(kept, metadata=words | {"seed": seed} | kept.metadata, must_match=must_match)


def rollout_function(
    model: nn.Module, objective: Objective, optimizer: torch.optim.Optimizer, config: TrainConfig, seed: int
) -> Callable[[Progress], None]:
    """A function that trains for one roll-out: with captured updates of a pool on CUDA, else one loss at a time."""
    device = next(model.parameters()).device
    precision = autocast(config, device)

    def one_loss_at_a_time(progress: Progress) -> None:
        generator = generator_of(seed, progress.rollout, device)
        losses = objective(model, generator, progress.update / config.updates)
        while progress.update < config.updates:
            with precision:  # the backward pass and the update stay out of it
                loss = next(losses, None)
            if loss is None:
                return
            train_step(loss, model, optimizer, config, progress)

    if not captures(objective, config, device):
        return one_loss_at_a_time
    updates = CapturedUpdates(model, optimizer, config, precision)

    def captured(progress: Progress) -> None:
        grown = objective.grown(progress.update / config.updates)
        updates.roll_out(grown, seed_of(seed, progress.rollout), progress)

    return captured


def check_finite(losses: list[float], model: nn.Module, progress: Progress, checkpoint: Checkpoint | None) -> None:
    """`Diverged`, which names the first update whose loss or weights were not finite."""
    wrong, remedy = [i for i, loss in enumerate(losses) if not isfinite(loss)], "lower lr or clip and run again"
    if wrong:
        what = f"the loss of update {wrong[0]} is {losses[wrong[0]]}"
        remedy = remedy if wrong[0] else "no weight had changed yet, so look at the task's data and its loss"
    elif not torch.stack([weight.isfinite().all() for weight in model.parameters()]).all():
        what = f"weights are not finite after update {progress.update - 1}"
    else:
        return
    kept = f"; the last good checkpoint is {checkpoint.path}" if checkpoint and checkpoint.path.exists() else ""
    raise Diverged(f"{what}{kept}: {remedy}")


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
