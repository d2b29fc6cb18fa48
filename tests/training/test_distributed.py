"""One run on two processes: the losses of one process; a process that dies ends the run and keeps its checkpoint."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from example_record import KEY

from iai.training import checkpoint, distributed
from iai.types import UserError

PROGRAM = str(Path(__file__).parents[1] / "eager_cli.py")


def start(folder: Path, processes: int, **env: str) -> subprocess.Popen[str]:
    """`torchrun` of the small training, with ledger and checkpoints under `folder`."""
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    words = ["run", KEY, "--profile", "smoke", "--quiet", "--device", "cpu"]
    places = ["--results", f"{folder}/ledger/results", "--runs", f"{folder}/runs"]
    return subprocess.Popen(
        [*run, PROGRAM, *words, *places],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | env,
        start_new_session=True,
    )


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "ledger" / "results" / "smoke" / KEY / "seed0.json").read_text())


def finish(process: subprocess.Popen[str]) -> str:
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    return said


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that torchrun started."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in found if PROGRAM in Path(f"/proc/{pid}/cmdline").read_text()]


def weights(folder: Path) -> torch.Tensor:
    tensors, _ = checkpoint.read(folder / "runs" / "smoke" / KEY / "seed0.safetensors")
    return torch.cat([t.flatten() for name, t in sorted(tensors.items()) if name.startswith("model.")])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    assert "done:" in finish(start(folder, 1, IAI_KILLS="0"))
    return folder


@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_compute_what_one_does(tmp_path: Path, alone: Path, processes: int) -> None:
    """With three, shares differ: four new tasks are one, one and two."""
    said = finish(start(tmp_path, processes, IAI_KILLS="0"))
    assert "process 1 has done its share" in said and said.count("done:") == 1
    one, two = record(alone), record(tmp_path)
    assert two["curve"]["update"] == one["curve"]["update"]
    torch.testing.assert_close(
        torch.tensor(two["curve"]["loss"]), torch.tensor(one["curve"]["loss"]), rtol=1e-3, atol=0
    )
    torch.testing.assert_close(weights(tmp_path), weights(alone), rtol=1e-2, atol=2e-3)
    for name in ("flops", "launches", "peak_memory", "parameters"):
        assert two[name] == one[name]
    assert "already done:" in finish(start(tmp_path, processes, IAI_KILLS="0"))


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes under /proc")
def test_a_killed_process_ends_the_run_with_a_checkpoint_to_go_on_from(tmp_path: Path, alone: Path) -> None:
    path = tmp_path / "runs" / "smoke" / KEY / "seed0.safetensors"
    process, patience = start(tmp_path, 2, IAI_KILLS="0"), time.monotonic() + 120
    while not path.exists() and process.poll() is None and time.monotonic() < patience:
        time.sleep(0.02)
    os.kill(children(process)[1], signal.SIGKILL)
    said = process.communicate(timeout=120)[0]
    assert process.returncode != 0 and not re.search(r"/iai/\w+\.py", said)  # a traceback is torchrun's alone
    assert f"another process of this run has ended: the last checkpoint is {path}; run the same" in said, said
    assert 0 < checkpoint.read(path)[1]["progress"]["update"] < 100
    finish(start(tmp_path, 2, IAI_KILLS="0"))
    torch.testing.assert_close(weights(tmp_path), weights(alone), rtol=1e-2, atol=2e-3)


@pytest.mark.parametrize(("tasks", "processes"), [(4, 2), (5, 2), (7, 3), (3, 3)])
def test_shares_are_all_tasks_once_and_their_scaled_means_the_mean(monkeypatch, tasks: int, processes: int) -> None:
    losses, means, selected = torch.rand(tasks), [], []
    monkeypatch.setattr(distributed, "world", lambda: processes)
    for rank in range(processes):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        part = distributed.share(tasks)
        selected += range(tasks)[part]
        means.append(distributed.scale_to_mean(losses[part].mean(), tasks))
    assert selected == list(range(tasks))
    torch.testing.assert_close(torch.stack(means).mean(), losses.mean())


def test_work_on_a_named_gpu_has_it_as_the_current_one(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "set_device", chosen := Mock())
    for name in ("cpu", "cuda", "cuda:1"):
        with distributed.process_group(torch.device(name)):
            pass
    assert [call.args for call in chosen.call_args_list] == [(torch.device("cuda:1"),)]


def test_more_processes_than_new_tasks_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(distributed, "world", lambda: 5)
    with pytest.raises(UserError, match="an update has 4 new tasks: start 4 processes at most"):
        distributed.share(4)
