"""Baselines are jobs of their own: computed once, found by the run, and beside a GPU never longer than it."""

from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from example_record import record
from small import small

from iai.study import registry
from iai.study.cli import main
from iai.study.jobs import run
from iai.study.jobs.runs import Run
from iai.study.ledger import records
from iai.training.loop import Diverged


def test_baselines_are_a_job_of_their_own_whose_results_a_run_finds(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("IAI_RUNS", str(tmp_path))
    monkeypatch.setitem(
        registry.EXPERIMENTS, (key := "table4/linear-regression/data"), lambda profile: small("implicit")
    )
    assert main(["baselines", key, "--profile", "smoke"]) == 0
    monkeypatch.setattr(run.baselines, "for_task", None)
    found = run.baseline_results(small("implicit").task, small("implicit").evaluation)
    assert found["curves"].keys() == found["costs"].keys() >= {"ridge", "l-bfgs"}


def test_new_baselines_go_into_the_records_that_are_there_and_change_nothing_else(
    tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("IAI_RUNS", "IAI_RESULTS"):
        monkeypatch.setenv(name, str(tmp_path))
    key, chosen = "table4/linear-regression/data", small("implicit")
    monkeypatch.setitem(registry.EXPERIMENTS, key, lambda profile: chosen)
    stale, done = (Run(key, "small", seed) for seed in (0, 1))
    records.write(record() | run.identity(chosen, 1, {"key": key, "profile": "small"}))
    records.write(record() | {"key": key, "profile": "small", "seed": 0, "config_hash": "another"})
    before = [records.read(records.path_of(*one)) for one in (stale, done)]
    assert main(["baselines", key, "--renew"]) == 0
    assert capsys.readouterr().out == "1 records have new baselines\n"
    after = [records.read(records.path_of(*one)) for one in (stale, done)]
    new = run.compared_with(chosen, seed=1)
    assert after == [before[0], before[1] | new] and new["baselines"] != before[1]["baselines"]


@pytest.mark.parametrize("fails", [False, True])
def test_beside_a_gpu_baselines_are_computed_by_a_process_that_does_not_outlive_the_run(
    monkeypatch, fails: bool
) -> None:
    calls, process = [], Mock()
    monkeypatch.setattr(run, "launch", lambda command, env, log: calls.append((command, env)) or process)
    with pytest.raises(Diverged) if fails else nullcontext():
        with run.baselines_beside(Run("table4/mnist/data", "paper", 3), torch.device("cuda")) as finish:
            if fails:
                raise Diverged
            finish()
    ((command, env),) = calls
    assert command[1:] == ["-m", "iai", "baselines", "table4/mnist/data", "--profile", "paper"]
    assert env["CUDA_VISIBLE_DEVICES"] == "" and process.kill.called and process.wait.call_count == 2 - fails
    with run.baselines_beside(Run("table4/mnist/data", "cpu", 3), torch.device("cpu")) as finish:
        finish()
    assert len(calls) == 1
