"""`kill -9` at random moments of a training loses the time since the last checkpoint and nothing else.

`IAI_KILLS=20 pytest tests/study/jobs/test_kill.py -s` is the long form, which also says what was lost.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from example_record import KEY

from iai.study.ledger import records
from iai.training import checkpoint

KILLS = int(os.environ.get("IAI_KILLS", "2"))


def start(folder: Path) -> subprocess.Popen[str]:
    """The training as a program, with its ledger and checkpoints under `folder`."""
    program = str(Path(__file__).parents[2] / "eager_cli.py")
    words = [
        "run",
        KEY,
        "--profile",
        "smoke",
        "--quiet",
        "--device",
        "cpu",
        "--results",
        f"{folder}/ledger/results",
    ]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, program, *words, "--runs", f"{folder}/runs"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


def state(folder: Path) -> tuple[int, float]:
    """Updates and seconds of training that the last checkpoint holds; reading it proves that it is whole."""
    path = folder / "runs" / "smoke" / KEY / "seed0.safetensors"
    if not path.exists():
        return 0, 0.0
    progress = checkpoint.read(path)[1]["progress"]
    return progress["update"], progress["seconds"]


def kill_at(process: subprocess.Popen[str], folder: Path, after: float, trained: bool) -> str:
    """SIGKILL after so many seconds, counted from the first new checkpoint if `trained`; what it had said."""
    before = state(folder)[0]
    while trained and state(folder)[0] <= before and process.poll() is None:
        time.sleep(0.02)
    time.sleep(after)
    process.kill()
    return process.communicate()[0]


def numbers(folder: Path) -> dict[str, Any]:
    """What of a record must not depend on how often its run was killed."""
    record = records.read(folder / "ledger" / "results" / "smoke" / KEY / "seed0.json")
    return {name: record[name] for name in ("metrics", "baselines", "curve", "config_hash", "parameters")}


def test_kill_9_loses_only_the_time_since_the_last_checkpoint(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    first = start(whole)
    first.communicate(timeout=600)
    assert first.returncode == 0
    chance = random.Random(0)
    lines, seen = [], 0
    for kill in range(KILLS):
        trained = kill % 4 != 3  # every fourth at any moment of the start
        process = start(killed)
        said = kill_at(process, killed, chance.uniform(0.0, 0.5 if trained else 5.0), trained)
        update, seconds = state(killed)
        lines.append(f"kill {kill + 1}: {seen} -> {update} updates kept, {seconds:.1f} s, exit {process.returncode}")
        assert process.returncode == -9, said
        assert update > seen or (update == seen and not trained)
        assert list((killed / "ledger").rglob("*.json")) == [], "half a record"
        seen = update
    last = start(killed)
    assert last.communicate(timeout=600)[0].strip().endswith("seed0.json")
    assert last.returncode == 0
    print("\n".join(lines))
    assert numbers(killed) == numbers(whole)
    ends = [checkpoint.read(f / "runs" / "smoke" / KEY / "seed0.safetensors")[0] for f in (whole, killed)]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


@pytest.mark.parametrize("moment", ["ledger", "checkpoint"])
def test_kill_9_in_the_middle_of_a_write_leaves_old_or_new(tmp_path: Path, moment: str) -> None:
    """A process that dies between writing and renaming leaves the file as it was."""
    program = "import os, sys; from iai.study.ledger import records; from iai.training import checkpoint\n"
    program += "from example_record import record\n"
    program += "os.fsync = lambda descriptor: os.kill(os.getpid(), 9)\n"
    path = tmp_path / "c"
    if moment == "ledger":
        path = tmp_path / "small" / KEY / "seed0.json"
        program += "records.write(record(curve={'update': [0], 'loss': [9.0]}))"
    else:
        program += f"checkpoint.write({str(path)!r}, {{}}, {{'version': 2}})"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"old")
    env = os.environ | {"IAI_RESULTS": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], env=env).returncode == -9
    assert path.read_bytes() == b"old"
