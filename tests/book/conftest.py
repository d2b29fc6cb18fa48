"""A small ledger of two runs with known numbers."""

from pathlib import Path

import pytest

from iai.study.ledger import records


@pytest.fixture
def shown_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with `table4/mnist/data` at smoke, seeds 0 and 1: error 0.25 after 10 steps, 0.5 after 1, mean 0.9."""
    folder = tmp_path / "results"
    monkeypatch.setenv("IAI_RESULTS", str(folder))
    steps = range(11)
    for seed, shift in ((0, -0.05), (1, 0.05)):
        error = [0.9, *(0.5 - 0.25 * (k - 1) / 9 + shift * (0.5 if k == 10 else 1) for k in steps[1:])]
        records.write(record(seed, {"mean": error, "se": [0.01] * 11}))
    return folder


def record(seed: int, error: dict[str, list[float]]) -> records.Record:
    """A whole record with one metric on one evaluation set."""
    flat = {"mean": [0.9] * 11, "se": [0.01] * 11}
    return {
        "schema": records.SCHEMA,
        "key": "table4/mnist/data",
        "profile": "smoke",
        "seed": seed,
        "config": {},
        "config_hash": "0",
        "sources_hash": "0",
        "commit": "abc",
        "device": "cpu",
        "torch": "2",
        "created": "2026-01-01",
        "seconds": 1.0,
        "metrics": {"mnist": {"error": error}},
        "baselines": {"mnist": {"mean": {"error": flat}}},
        "curve": {"update": [0], "loss": [1.0]},
    }
