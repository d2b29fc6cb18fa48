"""Baselines are jobs of their own: computed once, found by the run, and beside a GPU never longer than it."""

from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from small import small

from iai.study import registry
from iai.study.cli import main
from iai.study.jobs import run
from iai.study.jobs.runs import Run
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
