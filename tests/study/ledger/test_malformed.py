"""Records and measurements that somebody or something damaged: one line that names the file, and never a traceback."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from example_record import KEY, SET, record

from iai.experiment import to_json
from iai.study import registry
from iai.study.cli import main
from iai.study.ledger import records, schema
from iai.types import UserError

WRONG: list[Any] = [None, True, "0", "x", [], {}, [1], {"a": 1}, 10**400, float("nan"), float("inf")]


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("IAI_RUNS", str(tmp_path / "runs"))
    return tmp_path


def whole() -> records.Record:
    """A record with everything that `run` writes, which is done."""
    config = to_json(registry.experiment(KEY, "small"))
    further = {
        **dict.fromkeys(("parameters", "flops", "launches", "peak_memory", "job_seconds", "adapt_seconds"), 1.0),
        **{"asked": [0, 1], "data": {}, "baseline_costs": {"ridge": {"flops": 1, "seconds": None}}},
    }
    return record(KEY, 0, config=config, config_hash=records.config_hash(config)) | further


def damaged() -> Iterator[tuple[str, Any]]:
    """A record for each field and each thing that it cannot be."""
    for field in whole():
        kind = schema.FIELDS[field]
        for value in WRONG:
            plain = isinstance(value, kind) and not isinstance(value, bool)
            number = isinstance(value, int | float)
            inside = field in ("metrics", "baselines", "curve") and value != {}
            if inside or not plain or (number and value == 10**400):
                yield f"{field}={value!r:.10}", whole() | {field: value}
    for place, value in ((("mse",), 3), (("mse", "mean"), "12"), (("mse", "mean"), {"a": 1}), (("mse", "se"), None)):
        found = whole()
        inner: Any = found["metrics"][SET]
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
        yield f"{place}={value!r}", found


def test_no_malformed_field_is_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    path = records.write(whole())
    assert main(["list", KEY]) == main(["show", KEY]) == main(["claims", "--profile", "small"]) == 0
    assert capsys.readouterr().err == ""
    for what, found in damaged():
        path.write_text(json.dumps(found))
        with pytest.raises(UserError, match="delete it") as raised:
            records.read(path)
        assert str(path) in str(raised.value) and "\n" not in str(raised.value), what
    for words in (["list", KEY], ["show", KEY], ["claims", "--profile", "small"]):
        assert main(words) == 2, words
        said = capsys.readouterr().err
        assert str(path) in said and said.count("\n") == 1


@pytest.mark.parametrize(
    "tasks",
    [
        {"1": [0.4, 0.7]},
        {"1": [0.4, 0.6], "2": [1 / 3]},
        {"1": [0.4, None]},
        {"1": ["0.5"]},
        {"1": [True, 0.0]},
        {"1": [float("nan"), 1.0]},
        {"1": [float("inf"), float("-inf")]},
        {"1": []},
        {"21": [0.5]},
        {"one": [0.5]},
        [0.5],
        {"1": 0.5},
    ],
)
def test_single_tasks_are_numbers_whose_mean_is_the_mean(tasks: Any) -> None:
    found = whole()
    found["metrics"][SET]["mse"]["tasks"] = {"1": [0.4, 0.6001], "2": [0.33, 0.3366]}
    path = records.write(found)
    assert records.read(path) == found
    found["metrics"][SET]["mse"]["tasks"] = tasks
    path.write_text(json.dumps(found))
    with pytest.raises(UserError, match="delete it"):
        records.read(path)


@pytest.mark.parametrize("text", ["", "\udcff", "[" * 100_000, '{"schema": 1e999}'])
def test_a_file_that_is_no_record_is_one_line(text: str) -> None:
    path = records.write(whole())
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match="delete it"):
        records.read(path)


def test_a_seed_with_fewer_numbers_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    records.write(whole())
    short = records.write(whole() | {"seed": 1, "metrics": {SET: {"mse": {"mean": [1.0] * 20, "se": [0.1] * 20}}}})
    assert main(["show", KEY]) == 2
    said = capsys.readouterr().err
    assert str(short) in said and said.count("\n") == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", "{}", '{"cpu": "x", "date": "y", "cells": [1]}', "\udcff"]
)
def test_a_measurement_that_is_none_is_one_line(text: str) -> None:
    path = records.root() / "bench" / "passes-cpu.json"
    assert records.measured("passes-cpu") is None
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match="delete it") as raised:
        records.measured("passes-cpu")
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["cpu", "passes-cpu"])
def test_what_was_measured_is_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAI_RESULTS", str(Path(__file__).parents[3] / "book" / "results"))
    assert records.measured(name)
