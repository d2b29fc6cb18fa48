"""Checkpoints: save then load is the identity, and no other file gets through."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from iai.training import Progress, TrainConfig, adamw, checkpoint, train_step
from iai.types import UserError


def _tensors() -> dict[str, torch.Tensor]:
    base = torch.arange(12.0).reshape(3, 4)
    state = torch.Generator().get_state()
    return {"a": base, "shared": base, "transposed": base.T, "step": torch.tensor(7), "rng": state}


def test_write_then_read_is_the_identity(tmp_path: Path) -> None:
    metadata = {"config": {"width": 8, "rate": 1e-3, "name": "é"}, "list": [1, None, True]}
    path = checkpoint.write(tmp_path / "deep" / "er" / "c.safetensors", _tensors(), metadata)
    tensors, back = checkpoint.read(path)
    assert back == metadata
    assert tensors.keys() == _tensors().keys()
    for name, tensor in _tensors().items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor), name


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    one = checkpoint.write(tmp_path / "1", _tensors(), {"a": 1, "b": 2}).read_bytes()
    assert one == checkpoint.write(tmp_path / "2", _tensors(), {"b": 2, "a": 1}).read_bytes()


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "foreign", "absent", "folder"])
def test_a_damaged_or_foreign_file_is_one_clear_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "c.safetensors"
    whole = checkpoint.write(path, _tensors(), {}).read_bytes()
    if damage == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "text":
        path.write_text("not a checkpoint at all, only some text")
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "foreign":
        save_file({"w": torch.zeros(2)}, path)
    else:
        path.unlink()
        if damage == "folder":
            path.mkdir()
    with pytest.raises(UserError, match="train") as raised:
        checkpoint.read(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def rewritten(path: Path, change: Callable[[dict[str, torch.Tensor], dict[str, Any]], object]) -> None:
    """Change tensors and header of a checkpoint behind its back, and leave the hash as it was."""
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()[checkpoint.FORMAT])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    text = change(tensors, header)
    save_file(tensors, path, {checkpoint.FORMAT: text if isinstance(text, str) else json.dumps(header)})


def edit(place: dict[str, Any], **changes: Any) -> None:
    place.update(changes)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, header: tensors["a"][0].add_(1e-3),
        lambda tensors, header: edit(tensors, a=tensors["a"].reshape(4, 3)),
        lambda tensors, header: tensors.pop("shared"),
        lambda tensors, header: edit(header, seed=1),
        lambda tensors, header: (edit(tensors, a=torch.full((3,), torch.nan)), edit(header, content=None)),
        lambda tensors, header: "no JSON",
        lambda tensors, header: "[]",
        lambda tensors, header: "[" * 100_000,
    ],
    ids=["value", "shape", "missing", "header", "nan", "no JSON", "list", "deep"],
)
def test_what_was_not_written_is_not_read(tmp_path: Path, change: Any) -> None:
    path = checkpoint.write(tmp_path / "c.safetensors", _tensors(), {"seed": 0})
    rewritten(path, change)
    with pytest.raises(UserError, match=r"c\.safetensors is damaged .* train again") as raised:
        checkpoint.read(path)
    assert "\n" not in str(raised.value)


def test_a_file_of_before_there_were_hashes_is_read(tmp_path: Path) -> None:
    path = checkpoint.write(tmp_path / "c", _tensors(), {"seed": 0})
    rewritten(path, lambda tensors, header: edit(header, content=None))
    assert checkpoint.read(path)[1] == {"seed": 0}


def trained(path: Path) -> checkpoint.Checkpoint:
    """The checkpoint of two updates of a linear map."""
    model = torch.nn.Linear(2, 1)
    optimizer, progress = adamw(model, TrainConfig()), Progress()
    for _ in range(2):
        train_step(model(torch.ones(1, 2)).sum(), model, optimizer, TrainConfig(), progress)
    kept = checkpoint.Checkpoint(path)
    kept.save(model, optimizer, progress)
    return kept


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, header: header.pop("progress"),
        lambda tensors, header: edit(header, progress=[]),
        lambda tensors, header: edit(header["progress"], update=-1),
        lambda tensors, header: edit(header["progress"], update="2"),
        lambda tensors, header: edit(header["progress"], rollout=-1),
        lambda tensors, header: edit(header["progress"], seconds=float("nan")),
        lambda tensors, header: edit(header["progress"], lost=1),
        lambda tensors, header: tensors.pop("losses"),
        lambda tensors, header: edit(tensors, losses=torch.ones(1)),
        lambda tensors, header: edit(tensors, losses=torch.tensor(1.0)),
        lambda tensors, header: tensors.pop("model.bias"),
        lambda tensors, header: edit(tensors, **{"model.bias": torch.ones(3)}),
        lambda tensors, header: tensors.pop("optimizer.0.step"),
        lambda tensors, header: edit(tensors, **{"optimizer.0.exp_avg": torch.ones(5)}),
        lambda tensors, header: edit(tensors, **{"optimizer.9.exp_avg": torch.ones(5)}),
        lambda tensors, header: edit(tensors, **{"optimizer.x": torch.ones(5)}),
    ],
)
def test_a_training_goes_on_from_nothing_malformed(tmp_path: Path, change: Any) -> None:
    kept = trained(tmp_path / "c")
    rewritten(kept.path, lambda tensors, header: (edit(header, content=None), change(tensors, header)))
    model = torch.nn.Linear(2, 1)
    with pytest.raises(UserError, match="does not fit this training .* train again") as raised:
        kept.restore(model, adamw(model, TrainConfig()))
    assert "\n" not in str(raised.value)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoint.write(tmp_path / "c", _tensors(), {"version": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(path, _tensors(), {"version": 2})
    assert checkpoint.read(path)[1] == {"version": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_old_leftovers_are_swept_and_young_ones_kept(tmp_path: Path) -> None:
    old, young, other = tmp_path / ".c.1.tmp", tmp_path / ".c.2.tmp", tmp_path / ".d.1.tmp"
    for path in (old, young, other):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    os.utime(other, (0, 0))
    checkpoint.write(tmp_path / "c", _tensors(), {})
    assert {path.name for path in tmp_path.iterdir()} == {"c", ".c.2.tmp", ".d.1.tmp"}


WRITER = """
import sys, torch
from pathlib import Path
from iai.training import checkpoint
for version in range(10**6):
    checkpoint.write(Path(sys.argv[1]), {"w": torch.full((200_000,), float(version))}, {"version": version})
    print(version, flush=True)
"""


def test_kill_9_in_the_middle_of_writing_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "c"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(0.011)
    writer.send_signal(signal.SIGKILL)
    announced = [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    writer.stdout.close()
    tensors, metadata = checkpoint.read(path)
    assert torch.equal(tensors["w"], torch.full((200_000,), float(metadata["version"])))
    assert metadata["version"] >= max(announced, default=0)
