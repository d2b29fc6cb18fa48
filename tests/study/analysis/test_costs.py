"""What runs took, summed over the records that there are; gains of passes over the same points."""

import math
from pathlib import Path
from typing import Any

import pytest
from example_record import KEY, record

from iai.study.analysis.costs import case, data_gains, effort, gain, passes
from iai.study.ledger import records
from iai.study.registry import EXPERIMENTS


def test_hours_are_those_of_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path))
    assert set(effort("small")["hours"]) == {0.0}
    records.write(record(KEY, 0) | {"seconds": 1800.0})
    records.write(record(KEY, 1) | {"seconds": 1.0, "job_seconds": 3600.0})
    found = effort("small")
    one = found.loc[KEY.split("/")[0]]
    assert (one["runs"], one["hours"]) == (2, 1.5) and one["asked"] > 2
    assert found.index.tolist() == list(dict.fromkeys(key.split("/")[0] for key in EXPERIMENTS))
    assert found["runs"].sum() == 2


def cell(passes: int, ms: float, **changes: Any) -> dict[str, Any]:
    plain = {
        "regime": "parametric",
        "signal": "data",
        "queries": 64,
        "width": 64,
        "depth": 2,
        "heads": 2,
        "dimension": 10,
    }
    return {
        **plain,
        **{
            "points": 1000,
            "passes": passes,
            "attention": "fused",
            "reason": None,
            "flops": int(ms),
            "kernel_ms": None,
            "peak_bytes": 8,
        },
        **{"eager_ms": {"median": ms}},
        **changes,
    }


def test_gains_compare_one_pass_with_many_of_the_same_case() -> None:
    grid = {"cells": [cell(1, 30.0), cell(10, 10.0), cell(1, 80.0, width=256), cell(10, 10.0, width=256)]}
    grid["cells"] += [cell(1, 900.0, regime="implicit"), cell(10, 1.0, regime="implicit")]
    grid["cells"] += [cell(1, 50.0, points=4000, reason="too large"), cell(10, 1.0, points=4000)]
    gains = data_gains(grid, "fused", 10, 0, 1000)["eager_ms_gain"]
    assert gains.tolist() == [3.0, 8.0], "of parametric models, at the sizes asked for"
    assert data_gains(grid, "fused", 10, 4000)["eager_ms_gain"].isna().tolist() == [True]
    assert data_gains(grid, "materialised", 10).empty and data_gains(None, "fused", 10).empty
    assert gain(passes(None), "eager_ms", 1000, 10) == "pending"
    cells = passes(grid)
    assert gain(cells, "eager_ms", 1000, 10) == 3.0
    assert gain(cells, "flops", 1000, 10, width=256) == 8.0
    assert [gain(cells, "eager_ms", n, 10) for n in (4000, 16000)] == ["–", "–"]
    assert gain(cells, "kernel_ms", 1000, 10) == "–", "not measured"
    fits = case(cells, points=1000, passes=10)
    too_large = case(cells, points=4000)
    assert fits is not None and (fits["peak_bytes"], fits["reason"]) == (8, "")
    assert too_large is not None and too_large["reason"] == "too large" and math.isnan(too_large["flops"])
    assert case(cells, points=16000) is None
