"""The one training loop. It knows neither regime, task nor loss: an objective yields losses, the loop follows them."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from iai.training import checkpoint, distributed
from iai.training.graph import WholeUpdates
from iai.training.objectives import Greedy
from iai.training.optimizer import Progress, TrainConfig, adamw, train_step
from iai.types import UserError

Objective = Callable[[Any, torch.Generator, float], Iterator[Tensor]]
"""Losses of one roll-out of a model, each to be followed by one update, given the share of the training done."""


class Interrupted(KeyboardInterrupt):
    """A training was asked to stop and has written its checkpoint."""


class Diverged(ArithmeticError):
    """A loss was not finite; the last good checkpoint was kept."""


def pick_device(name: str | None = None) -> torch.device:
    """The named device, or CUDA where there is one, else the CPU; an unknown or absent one is a `UserError`."""
    fallback = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name or fallback)
        torch.zeros((), device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UserError(f"device {name!r} cannot be used here: choose {fallback!r} or leave it out") from error
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
    return device


def seed_of(seed: int, rollout: int) -> int:
    """What the random numbers of one roll-out are made from: (seed, roll-out) alone, so that resuming is exact."""
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
    path: Path | None = None,
    identity: dict[str, Any] | None = None,
    show: bool = True,
) -> Progress:
    """Train `model` in place; with `path`, go on from the checkpoint there and write to it as time passes.

    `identity` is stored beside the weights, and a checkpoint of another identity is a `UserError`. SIGINT and SIGTERM
    finish the roll-out, write the checkpoint and raise `Interrupted`; a loss that is not finite raises `Diverged`.
    """
    optimizer, leads = adamw(model, config), distributed.rank() == 0
    progress = restore(path, model, optimizer, identity or {}) if path and path.exists() else Progress()
    roll_out = roller(model, objective, optimizer, config, seed)
    started, saved = time.monotonic() - progress.seconds, time.monotonic()
    hidden = not (show and leads)
    with (
        stop_signals() as signals,
        tqdm(total=config.updates, initial=progress.update, disable=hidden) as bar,
    ):
        while progress.update < config.updates:
            roll_out(progress)
            progress.rollout += 1
            bar.update(progress.update - bar.n)
            stopped = distributed.agreed(bool(signals))
            due = stopped or progress.update >= config.updates or time.monotonic() - saved > config.checkpoint_seconds
            if due or progress.rollout % 20 == 0:  # waits for the device, so that time is its time
                bar.set_postfix(loss=f"{check_finite(model, progress, path):.4g}", refresh=False)
            progress.seconds = time.monotonic() - started
            if due and path and leads:
                save(path, model, optimizer, progress, identity or {})
            saved = time.monotonic() if due else saved
            if stopped:
                kept = f"checkpoint at {path}; run the same command to go on" if path else "nothing was saved: no path"
                raise Interrupted(f"stopped after update {progress.update} of {config.updates}; {kept}")
    return progress


def roller(
    model: nn.Module, objective: Objective, optimizer: torch.optim.Optimizer, config: TrainConfig, seed: int
) -> Callable[[Progress], None]:
    """What follows one roll-out of an objective: a captured pool on CUDA, else one loss after the other."""
    device = next(model.parameters()).device
    half = config.precision == "bfloat16" or (config.precision == "auto" and device.type == "cuda")
    # Without its cache: weights first used where no gradient is wanted would be remembered as having none.
    autocast = torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if half else nullcontext()
    if config.capture and device.type == "cuda" and isinstance(objective, Greedy):
        whole = WholeUpdates(model, objective, optimizer, config, autocast)

        def captured(progress: Progress) -> None:
            now = objective.grown(progress.update / config.updates)
            whole.roll_out(now, seed_of(seed, progress.rollout), progress)

        return captured

    def one_by_one(progress: Progress) -> None:
        generator = generator_of(seed, progress.rollout, device)
        losses = objective(model, generator, progress.update / config.updates)
        for loss in under(autocast, losses):
            train_step(loss, model, optimizer, config, progress)

    return one_by_one


def under(precision: AbstractContextManager[Any], losses: Iterator[Tensor]) -> Iterator[Tensor]:
    """Losses computed in a context that their backward pass and the update of the weights stay out of."""
    while True:
        with precision:
            loss = next(losses, None)
        if loss is None:
            return
        yield loss


def check_finite(model: nn.Module, progress: Progress, path: Path | None) -> float:
    """The mean of the last losses; `Diverged` names the first update that was not finite or left such weights."""
    losses = torch.stack(progress.losses).float().cpu()
    wrong = (~losses.isfinite()).nonzero()
    weights = torch.stack([weight.isfinite().all() for weight in model.parameters()])
    if len(wrong) or not weights.all():
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
    """A list that fills when SIGINT or SIGTERM arrives, in place of dying; a second SIGINT is obeyed at once.

    A second SIGTERM is not: batch systems send several before they kill.
    """
    received: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
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
    tensors["losses"] = torch.stack(progress.losses).float()
    position = {"update": progress.update, "rollout": progress.rollout, "seconds": progress.seconds}
    checkpoint.write(path, tensors, identity | {"progress": position})


def restore(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, identity: dict[str, Any]) -> Progress:
    """Load a checkpoint of the same identity into model and optimizer."""
    tensors, metadata = checkpoint.read(path)
    position = metadata.pop("progress")
    for name, what in {
        "config_hash": "configuration",
        "seed": "seed",
        "sources_hash": "version of iai",
    }.items():
        if metadata.get(name) != identity.get(name):
            raise UserError(f"{path} belongs to another {what}: move it away or restore the {what}")
    model.load_state_dict({name[6:]: value for name, value in tensors.items() if name.startswith("model.")})
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, moment = name.split(".")
            state.setdefault(int(index), {})[moment] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    device = next(model.parameters()).device
    return Progress(losses=list(tensors["losses"].to(device)), **position)
