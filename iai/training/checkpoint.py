"""Checkpoints: tensors as safetensors, all else as JSON in the header of the same file, with a hash; never pickle."""

import hashlib
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
CONTENT = "content"
"""Where the header keeps the hash of a file's content."""
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
        try:
            model.load_state_dict(under("model.", tensors))
            state: dict[int, dict[str, Tensor]] = {}
            for name, value in under("optimizer.", tensors).items():
                index, moment = name.split(".")
                state.setdefault(int(index), {})[moment] = value
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
            device = next(model.parameters()).device
            progress = Progress(losses=list(tensors["losses"].to(device)), **found["progress"])
            malformed = len(progress.losses) != progress.update or progress.rollout < 0 or not progress.seconds >= 0
            matrices = {one for group in optimizer.param_groups if "parts" in group for one in group["params"]}
            for one, kept in optimizer.state.items():
                names = {"momentum_buffer"} if one in matrices else {"step", "exp_avg", "exp_avg_sq"}
                shapes = {name: () if name == "step" else one.shape for name in names}
                malformed |= shapes != {name: value.shape for name, value in kept.items()}
            if malformed:
                raise ValueError("a position or moments that no training has")
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise UserError(f"{self.path} does not fit this training ({what}): delete it and train again") from error
        return progress


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names start with a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> Path:
    """Write `tensors` and JSON `metadata`, with a hash of both, to `path`, atomically."""
    owned = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    header = json.dumps(metadata | {CONTENT: content_hash(owned, metadata)}, sort_keys=True)
    return replace_file(path, save(owned, metadata={FORMAT: header}))


def content_hash(tensors: dict[str, Tensor], metadata: dict[str, Any]) -> str:
    """A SHA-256 of names, types, shapes and bytes of tensors on the CPU, and of what is beside them."""
    found = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def read(path: Path, device: str | torch.device = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """`(tensors on device, metadata)` of a file as `write` made it, or of before hashes; `UserError` on any other."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no checkpoint at {path}: train one with `python -m iai run KEY`")
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get(FORMAT)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        metadata = {} if header is None else json.loads(header)
        if not isinstance(metadata, dict):
            raise ValueError("its header is no JSON object")
        written = metadata.pop(CONTENT, None)
        if written is not None and written != content_hash(tensors, metadata):
            raise ValueError("its content is not what was written")
        if wrong := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
            raise ValueError(f"{wrong[0]} is not finite")
    except (SafetensorError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged or no checkpoint ({error}): delete it and train again") from error
    if header is None:
        raise UserError(f"{path} holds tensors, but this version of iai did not write it: train again")
    return {name: tensor.to(device) for name, tensor in tensors.items()}, metadata


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
