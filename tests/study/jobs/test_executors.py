"""Runs as jobs of a cluster, with a stand-in for Slurm that starts a job at once; `tests/slurm` has the real one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from example_record import KEY

from iai.study.cli import main
from iai.study.jobs import executors, runs
from iai.study.jobs.queue import reproduce
from iai.study.jobs.runs import Run
from iai.study.ledger import records
from iai.types import UserError

SBATCH = """#!/bin/bash
echo >> "$FAKE_SLURM/jobs"; id=$(wc -l < "$FAKE_SLURM/jobs")
SLURM_JOB_ID=$id SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0 SLURM_LOCALID=0 \\
SLURM_JOB_NODELIST=here setsid bash "$1" > "$FAKE_SLURM/$id.out" 2>&1 &
echo $! > "$FAKE_SLURM/$id.pid"; echo "Submitted batch job $id"
"""
SRUN = """#!/bin/bash
while [[ $1 != *python* ]]; do shift; done
exec "$@"
"""
SQUEUE = """#!/bin/bash
id=${@: -1}; id=${id#--jobs=}; kill -0 "$(cat "$FAKE_SLURM/$id.pid")" 2>/dev/null && echo "$id"; exit 0
"""
SCANCEL = """#!/bin/bash
kill -TERM -- -"$(cat "$FAKE_SLURM/$1.pid")"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("IAI_RUNS", str(tmp_path / "runs"))
    return tmp_path


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("submitit")
    for name, script in (("sbatch", SBATCH), ("srun", SRUN), ("squeue", SQUEUE), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("FAKE_SLURM", str(tmp_path))
    monkeypatch.setenv("FAKE_NOTES", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(executors, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(runs, "COMMAND", [sys.executable, str(Path(__file__).parents[2] / "fake_cli.py")])
    return tmp_path


RUNS = [Run(key=KEY, profile="smoke", seed=seed) for seed in (0, 1)]


def test_jobs_of_the_cluster_write_the_ledger(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_SECONDS", "0.1")
    report = reproduce(RUNS, 2, 600.0, executor=executors.executor("slurm", ["slurm_partition=low"]))
    assert set(report.runs["done"]) == set(RUNS)
    assert [record["seed"] for record in records.records(KEY, "smoke")] == [0, 1]
    assert "--partition=low" in (cluster / "runs" / "slurm" / "1_submission.sh").read_text()


def test_a_stopped_job_is_stopped_and_a_lost_one_has_failed(cluster: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_SECONDS", "60")
    executor = executors.executor("slurm", [])
    stopped, lost = (executor(one, one.command(None), 10.0) for one in RUNS)
    for job in (stopped, lost):
        while not list(cluster.glob(f"start-*-{job.run.seed}-*")):
            assert job.code() is None
    stopped.stop()
    os.killpg(int((cluster / f"{lost.job.job_id}.pid").read_text()), signal.SIGKILL)
    codes = []
    for job in (stopped, lost):
        while (code := job.code()) is None:
            pass
        codes.append(code)
    assert codes == [executors.INTERRUPTED, 1]
    assert list(cluster.glob("checkpoint-*-0"))


def test_a_job_that_slurm_warns_writes_a_checkpoint_and_asks_to_be_queued_again(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SECONDS", "60")
    command, env, log = RUNS[0].command(None), executors.environment(), RUNS[0].log
    submitted = executors.SlurmCommand()
    submitted.process = executors.launch(command, env, log)
    while not list(cluster.glob("start-*")):
        assert submitted.process.poll() is None
    again = submitted.checkpoint(command, env, log)
    assert list(cluster.glob("checkpoint-*")) and submitted.process.returncode == executors.INTERRUPTED
    assert again.function.__class__ is executors.SlurmCommand and again.args == (command, env, log)


def test_a_job_that_slurm_refuses_is_one_line(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cluster / "sbatch").write_text("#!/bin/bash\necho 'sbatch: error: invalid partition' >&2; exit 1\n")
    assert main(["reproduce", KEY, "--profile", "smoke", "--executor", "slurm"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said  # submitit echoes what sbatch said before our line
    assert said.splitlines()[-1] == "iai: Slurm takes no job: sbatch: error: invalid partition"


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["--executor", "slurm", "--slurm", "partition"], "NAME=VALUE"),
        (["--executor", "slurm", "--slurm", "partitio=low"], "partitio"),
        (["--slurm", "slurm_partition=low"], "--executor slurm"),
        (["--executor", "slrum"], "slurm"),
    ],
)
def test_a_wrong_option_is_one_line(
    cluster: Path, words: list[str], fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", KEY, "--profile", "smoke", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("iai: ") and said.count("\n") == 1 and fix in said


def test_without_submitit_or_slurm_the_error_says_what_to_get(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    pytest.importorskip("submitit")
    with pytest.raises(UserError, match="sbatch"):
        executors.executor("slurm", [])
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match=r"pip install 'iai\[slurm\]'"):
        executors.executor("slurm", [])


def test_the_library_needs_no_submitit() -> None:
    program = (
        "import sys; sys.modules['submitit'] = None; import iai.study.jobs.executors, iai.study.cli; print('fine')"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "fine\n"
