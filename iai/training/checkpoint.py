"""Checkpoints: tensors as safetensors, everything else as JSON in the same file's header; never pickle."""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from iai.types import UserError

FORMAT = "iai-checkpoint-1"
LEFTOVER_SECONDS = 600.0


def write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> Path:
    """Write `tensors` and JSON `metadata` to `path`: wholly or not at all, whatever kills the process."""
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
    """Put `content` at `path` by a synced temporary file and a rename; readers see old or new, not half."""
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
    """Delete what a writer of `path` that was killed more than ten minutes ago left behind."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        try:
            if time.time() - leftover.stat().st_mtime > LEFTOVER_SECONDS:
                leftover.unlink()
        except FileNotFoundError:  # another process swept or renamed it first
            continue


def check_writable(folder: Path, megabytes: float, remedy: str) -> None:
    """Raise `UserError` with `remedy` unless `folder` takes a file now and has room for `megabytes`."""
    try:
        replace_file(folder / f"probe.{uuid4().hex}", bytes(4096)).unlink()
        free = shutil.disk_usage(folder).free / 1e6
    except OSError as error:
        raise UserError(f"cannot write in {folder} ({error.strerror}): {remedy}") from error
    if free < megabytes:
        raise UserError(f"{folder} has {free:.0f} MB free and a run needs {megabytes:.0f} MB: {remedy}")
