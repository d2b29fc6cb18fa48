"""Runs computed again: the same, within their standard errors, or outside."""

import math
import sys
from pathlib import Path
from typing import Any

import pytest
from example_record import KEY, SET, record

from iai.experiment import to_json
from iai.study import registry
from iai.study.cli import main
from iai.study.jobs import runs, verify
from iai.study.jobs.runs import Run
from iai.study.ledger import records

HALVES = record()["baselines"][SET]["ridge"]["mse"]["mean"]
RUN = Run(key=KEY, profile="smoke", seed=0)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger, and a command whose runs only sleep and then always give one record."""
    monkeypatch.setenv("IAI_RESULTS", f"{tmp_path}/results")
    monkeypatch.setenv("IAI_RUNS", f"{tmp_path}/runs")
    monkeypatch.setenv("FAKE_SECONDS", "0")
    monkeypatch.setenv("FAKE_NOTES", str(tmp_path))
    program = str(Path(__file__).parents[2] / "fake_cli.py")
    monkeypatch.setattr(runs, "COMMAND", [sys.executable, program])
    return tmp_path


def current(**changes: Any) -> records.Record:
    """What the sleeping run gives: a record that is done."""
    config = to_json(registry.experiment(KEY, "smoke"))
    hashed = records.config_hash(config)
    return record(KEY, 0, profile="smoke", config=config, config_hash=hashed) | changes


def shifted(by: float) -> records.Record:
    """The same with another error after five steps; both standard errors over tasks are 0.1."""
    found = current()
    found["metrics"][SET]["mse"]["mean"][5] += by
    return found


@pytest.mark.parametrize(
    ("by", "words", "code"),
    [
        (0.0, "the same numbers", 0),
        (0.2, "within 2 standard errors", 0),
        (0.3, "OUTSIDE 2 standard errors", 1),
    ],
)
def test_a_run_is_computed_again_and_compared(folders: Path, capsys, by: float, words: str, code: int) -> None:
    path = records.write(shifted(by))
    before = path.read_bytes()
    assert main(["verify", KEY, "--profile", "smoke", "--device", "cpu"]) == code
    assert f"{RUN}: {words}" in capsys.readouterr().out
    assert path.read_bytes() == before and records.root() == folders / "results"
    assert len(list(folders.glob("start-*"))) == 1 and not list((folders / "runs").glob("verify-*"))


def test_what_is_not_in_the_ledger_cannot_be_verified(folders: Path, capsys) -> None:
    assert main(["verify", KEY, "--profile", "smoke"]) == 2
    assert f"{RUN} is not in the ledger" in capsys.readouterr().err
    assert not list(folders.glob("start-*"))


def test_differences_are_found_in_curves_and_baselines_too() -> None:
    assert verify.compare(RUN, current(), current()).identical
    other = current(curve={"update": [0, 1], "loss": [2.0, 1.1]})
    assert not verify.compare(RUN, current(), other).identical
    other = current()
    other["baselines"][SET]["ridge"]["mse"]["mean"][1] *= 1 + 1e-6
    assert verify.compare(RUN, current(), other).identical
    other["baselines"][SET]["ridge"]["mse"]["mean"][1] *= 1 + 1e-4
    assert not verify.compare(RUN, current(), other).identical
    other["baselines"][SET] = {}  # a baseline that only one has
    assert not verify.compare(RUN, current(), other).identical
    other = current()
    other["metrics"][SET]["mse"]["mean"][5] = None
    assert verify.compare(RUN, current(), other).furthest == float("inf")


@pytest.mark.parametrize(
    "change",
    [
        lambda metrics, baselines: baselines["ridge"]["mse"].update(mean=[v and 9 * v for v in HALVES]),
        lambda metrics, baselines: baselines.clear(),
        lambda metrics, baselines: metrics["mse"].update(se=[0.3] * 21),
        lambda metrics, baselines: metrics["mse"].update(mean=metrics["mse"]["mean"][:-1], se=[0.1] * 20),
        lambda metrics, baselines: metrics.update(made_up=metrics["mse"]),
        lambda metrics, baselines: metrics.update(mse_of_old=metrics.pop("mse")),
    ],
    ids=["baselines", "no baseline", "errors", "short", "extra", "other"],
)
def test_a_record_that_says_something_else_lies_outside(change: Any) -> None:
    old = current()
    change(old["metrics"][SET], old["baselines"][SET])
    for one, other in ((old, current()), (current(), old)):
        finding = verify.compare(RUN, one, other)
        assert not finding.identical and finding.furthest > verify.STANDARD_ERRORS and "OUTSIDE" in str(finding)


def test_single_tasks_are_no_difference() -> None:
    """Records of before they were kept are the same records; the means say what the tasks would."""
    old, new = current(), current()
    new["metrics"][SET]["mse"]["tasks"] = {"1": [0.4, 0.6]}
    new["baselines"][SET]["ridge"]["mse"]["tasks"] = {"1": [0.2, 0.3]}
    assert verify.compare(RUN, old, new).identical and verify.compare(RUN, new, old).identical


def test_a_record_of_other_sources_may_lack_what_has_come_since_and_nothing_else() -> None:
    old = current() | {"sources_hash": "another"}
    ridge = old["baselines"][SET].pop("ridge")
    assert verify.compare(RUN, old, current()).identical
    none = current() | {"sources_hash": "x", "baselines": {SET: {}}}
    assert verify.compare(RUN, current(), none).furthest == math.inf
    old["baselines"][SET] = {"gone": ridge}
    assert verify.compare(RUN, old, current()).furthest == math.inf
