"""Checkpoints: tensors as safetensors, all else as JSON in the header of the same file; never pickle."""

import json
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from iai.training.optimizer import Progress
from iai.types import UserError

FORMAT = "iai-checkpoint-1"
LEFTOVER_SECONDS = 600.0


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint of a training: its file, the metadata beside its tensors, and what must match to resume.

    `must_match` maps names of `metadata` to the words of the error message.
    """

    path: Path
    metadata: dict[str, Any] = field(default_factory=dict)
    must_match: dict[str, str] = field(default_factory=dict)

    def save(self, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
        """Write weights, optimizer, losses and position."""
        tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
        tensors["losses"] = torch.stack(progress.losses).float()
        position = {"update": progress.update, "rollout": progress.rollout, "seconds": progress.seconds}
        write(self.path, tensors, self.metadata | {"progress": position})

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
        """Load the file, if there is one, into model and optimizer; `UserError` if it is of another training."""
        if not self.path.exists():
            return Progress()
        tensors, found = read(self.path)
        for name, what in self.must_match.items():
            if found.get(name) != self.metadata.get(name):
                raise UserError(f"{self.path} belongs to another {what}: move it away or restore the {what}")
        model.load_state_dict(under("model.", tensors))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in under("optimizer.", tensors).items():
            index, moment = name.split(".")
            state.setdefault(int(index), {})[moment] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        device = next(model.parameters()).device
        return Progress(losses=list(tensors["losses"].to(device)), **found["progress"])


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> Path:
    """Write `tensors` and JSON `metadata` to `path`, atomically."""
    header = {FORMAT: json.dumps(metadata, sort_keys=True)}
    owned = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    return replace_file(path, save(owned, metadata=header))


def read(path: Path, device: str | torch.device = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return `(tensors on device, metadata)` of a file that `write` made; `UserError` on any other file."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no checkpoint at {path}: train one with `python -m iai run KEY`")
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            header = (file.metadata() or {}).get(FORMAT)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged or no checkpoint ({error}): delete it and train again") from error
    if header is None:
        raise UserError(f"{path} holds tensors, but this version of iai did not write it: train again")
    return tensors, json.loads(header)


def replace_file(path: Path, content: bytes) -> Path:
    """Write `content` to `path` atomically: a synced temporary file, then a rename."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
    _sync_folder(path.parent)
    return path


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Delete temporary files of writers of `path` that were killed more than ten minutes ago."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        try:
            if time.time() - leftover.stat().st_mtime > LEFTOVER_SECONDS:
                leftover.unlink()
        except FileNotFoundError:  # another process swept or renamed it first
            continue
