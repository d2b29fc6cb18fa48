"""Checkpoints: save then load is the identity, and no other file gets through."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from iai.training import checkpoint
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
