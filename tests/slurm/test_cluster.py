"""`reproduce --executor slurm` on a real Slurm: runs land in the ledger, and a preempted one goes on where it was."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import ask, wait_for
from example_record import KEY

from iai.study.ledger import records
from iai.training import checkpoint

FAMILY = "table2/linear-regression"
LONG = str(Path(__file__).with_name("long_cli.py"))


@pytest.fixture
def folder(cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("IAI_RUNS", str(tmp_path / "runs"))
    yield tmp_path
    subprocess.run(["scancel", "--user=root"], check=False)
    wait_for(lambda: not ask("squeue", "--noheader"))


def reproduce(*words: str, program: tuple[str, ...] = ("-m", "iai")) -> subprocess.Popen[str]:
    command = [sys.executable, *program, "reproduce", *words, "--profile", "smoke", "--executor", "slurm"]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)


def test_runs_of_a_pattern_land_in_the_ledger(folder: Path) -> None:
    job = reproduce(f"{FAMILY}/*ata", "--jobs", "2")
    said = job.communicate(timeout=180)[0]
    assert job.returncode == 0, said
    assert re.search(r"2 of 2 runs are in the ledger, 2 of them new", said)
    for kind in ("data", "grad+data"):
        assert [record["seed"] for record in records.records(f"{FAMILY}/{kind}", "smoke")] == [0]


def test_a_preempted_run_goes_on_from_its_checkpoint(folder: Path) -> None:
    """A job of the high partition takes both cores; ours is queued again, and repeats one roll-out at most."""
    job = reproduce(KEY, "--slurm", "slurm_partition=low", program=(LONG,))
    path = folder / "runs" / "smoke" / KEY / "seed0.safetensors"
    wait_for(path.exists)
    taking = ["sbatch", "--partition=high", "--ntasks=2", "--output=/dev/null", "--wrap=sleep 3"]
    subprocess.run(taking, check=True)
    wait_for(lambda: "PENDING" in ask("squeue", "--noheader", "--partition=low", "--format=%T"))
    before = checkpoint.read(path)[1]["progress"]["rollout"]
    said = job.communicate(timeout=400)[0]
    assert job.returncode == 0, said
    rollouts = (folder / "runs" / "rollouts").read_text().split()
    last = checkpoint.read(path)[1]["progress"]["rollout"]
    repeated = len(rollouts) - 1 - last  # one more roll-out counts what an update costs
    assert len(set(rollouts)) == 2 and 0 < before < last and 0 <= repeated <= 1
    assert records.read(records.path_of(KEY, "smoke", 0))["key"] == KEY


def test_a_job_that_fails_says_why(folder: Path) -> None:
    job = reproduce(KEY, program=(str(Path(__file__).with_name("broken_cli.py")),))
    said = job.communicate(timeout=120)[0]
    assert job.returncode == 1
    assert "failed" in said and "no such thing" in said


def test_stopping_stops_the_jobs(folder: Path) -> None:
    job = reproduce(KEY, program=(LONG,))
    path = folder / "runs" / "smoke" / KEY / "seed0.safetensors"
    wait_for(path.exists)
    job.terminate()
    said = job.communicate(timeout=120)[0]
    assert job.returncode == 130 and "will go on from their checkpoints" in said, said
    wait_for(lambda: not ask("squeue", "--noheader"))
    assert checkpoint.read(path)[1]["progress"]["rollout"] > 0
