"""Runs computed again: the same, within their standard errors, or outside; and when sources may count as the same."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from example_record import KEY, SET, record

from iai import configs, experiments, jobs, provenance, results, verify
from iai.__main__ import main
from iai.jobs import Run
from iai.types import UserError

RUN = Run(key=KEY, profile="smoke", seed=0)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger, and a command whose runs only sleep and then always give one record."""
    monkeypatch.setenv("IAI_RESULTS", f"{tmp_path}/results")
    monkeypatch.setenv("IAI_RUNS", f"{tmp_path}/runs")
    monkeypatch.setenv("FAKE_SECONDS", "0")
    monkeypatch.setenv("FAKE_NOTES", str(tmp_path))
    program = str(Path(__file__).with_name("fake_cli.py"))
    monkeypatch.setattr(jobs, "COMMAND", [sys.executable, program])
    monkeypatch.setattr(provenance, "VERIFIED", tmp_path / "verified.json")
    provenance.verified.cache_clear()
    yield tmp_path
    provenance.verified.cache_clear()


def current(**changes: Any) -> results.Record:
    """What the sleeping run gives: a record that is done."""
    config = configs.to_json(experiments.experiment(KEY, "smoke"))
    hashed = results.config_hash(config)
    return record(KEY, 0, profile="smoke", config=config, config_hash=hashed) | changes


def shifted(by: float) -> results.Record:
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
def test_a_run_is_computed_again_and_compared(
    folders: Path, capsys, by: float, words: str, code: int
) -> None:
    path = results.write(shifted(by))
    before = path.read_bytes()
    assert main(["verify", KEY, "--profile", "smoke", "--device", "cpu"]) == code
    assert f"{RUN}: {words}" in capsys.readouterr().out
    assert path.read_bytes() == before and results.root() == folders / "results"
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
    assert verify.compare(RUN, current(), other).identical
    other = current()
    other["metrics"][SET]["mse"]["mean"][5] = None
    assert verify.compare(RUN, current(), other).furthest == float("inf")


def test_sources_count_as_one_when_every_kind_gives_the_same(folders: Path, capsys) -> None:
    results.write(current(sources_hash="older"))
    assert not results.same_sources("older", results.sources_hash())
    assert main(["verify", "--profile", "smoke", "--accept"]) == 0
    assert "what older did: noted in verified.json" in capsys.readouterr().out
    assert results.same_sources("older", results.sources_hash())
    (entry,) = json.loads((folders / "verified.json").read_text()).values()
    assert entry["same_as"] == ["older"] and entry["runs"] == [str(RUN)]
    assert RUN.status(renew=True) == "done"


def test_sources_do_not_count_as_one_otherwise(folders: Path) -> None:
    results.write(current(sources_hash="older"))
    for findings, words in (
        ([verify.Finding(RUN, False, 0.1, results.sources_hash())], "the same numbers"),
        ([verify.Finding(RUN, True, 0.0, "edited since")], "the same numbers"),
        ([], f"a run of every kind .such as {RUN}"),
    ):
        with pytest.raises(UserError, match=words):
            verify.accept(findings)
    assert not (folders / "verified.json").exists()


def test_a_chain_of_sources_is_one(folders: Path) -> None:
    known = {"c": {"same_as": ["b", "e"]}, "b": {"same_as": ["a"]}}
    (folders / "verified.json").write_text(json.dumps(known))
    assert provenance.original("c") == "a" and results.same_sources("a", "e")
    assert not results.same_sources("c", "d") and not results.same_sources(None, "a")


def test_the_shortest_run_of_every_kind_is_chosen(folders: Path) -> None:
    results.write(current())
    results.write(current() | {"seed": 1})
    assert list(verify.kinds("smoke").values()) == [RUN]
    results.write(current() | {"key": f"{KEY}-1-step"})  # its config is another: stale
    assert list(verify.kinds("smoke").values()) == [RUN]
    results.write(current() | {"seed": 2, "sources_hash": "older", "seconds": 9.0})
    results.write(current() | {"seed": 3, "sources_hash": "older", "seconds": 1.0})
    assert [one.seed for one in verify.kinds("smoke").values()] == [0, 3]  # of each sources, the shortest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("token-scale/mnist/matched", "token-scale/mnist/unmatched"),
        ("token-scale/mnist/matched", "token-scale/mnist/untied"),
        ("token-scale/mnist/matched", "token-scale/mnist/mixed"),
        ("table2/mnist/data", "table2/mnist/data-1-step"),
        ("cost/mnist/pool/whole", "cost/mnist/random/whole"),
        ("laws/mnist/16", "token-scale/mnist/matched"),
        ("unrolled/mnist/2", "unrolled/mnist/1"),
        ("reuse/linear-regression/1", "token-scale/linear-regression/no-product"),
        ("mask/mnist/full", "table4/mnist/data"),
        ("baseline/mnist/maml", "baseline/mnist/reptile"),
        ("baseline/mnist/maml", "baseline/features/maml"),
        ("baseline/mnist/one-context", "table4/mnist/data-1-step"),
    ],
)
def test_runs_that_take_other_code_are_of_another_kind(one: str, other: str) -> None:
    assert verify.kind(one, "cpu") != verify.kind(other, "cpu")
    assert verify.kind(one, "cpu") == verify.kind(one, "cpu")
