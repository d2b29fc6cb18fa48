"""What passes over the data cost against one, and what whole profiles took."""

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from iai.study.ledger import records
from iai.study.measure.passes import Case
from iai.study.registry import EXPERIMENTS, seeds_of

CASE = [field.name for field in fields(Case)]
CLOCKS = ["flops", "kernel_ms", "eager_ms"]
"""Operations, kernel time and wall time of a case."""


def passes(grid: Mapping[str, Any] | None) -> pd.DataFrame:
    """What `make grid` measured, one case a row: many passes over N / k points each against one over N.

    Columns: the fields of `Case`; `flops`, `kernel_ms`, `eager_ms` (median wall time) and `peak_bytes`, nan where the
    case did not fit, for the `reason` given; and `<clock>_gain`, how many times less the case took than one pass.
    """
    cells = pd.DataFrame((grid or {"cells": []})["cells"], columns=[*CASE, "reason", "peak_bytes", *CLOCKS])
    cells["eager_ms"] = [cell["median"] if isinstance(cell, dict) else cell for cell in cells["eager_ms"]]
    cells["reason"] = cells["reason"].fillna("")
    cells[CLOCKS] = cells[CLOCKS].astype(float).mask(cells["reason"] != "")
    same = [name for name in CASE if name != "passes"]
    one = cells[cells["passes"] == 1].set_index(same)[CLOCKS]
    gains = cells[same].join(one, on=same)[CLOCKS] / cells[CLOCKS]
    return cells.join(gains.add_suffix("_gain"))


def data_gains(
    grid: Mapping[str, Any] | None, attention: str, k: int, least: int = 0, most: int | None = None
) -> pd.DataFrame:
    """Cases of k passes over `least` to `most` points with their gains, of parametric models that see data."""
    most = most or sys.maxsize
    kind = "regime == 'parametric' and signal == 'data' and attention == @attention and passes == @k"
    return passes(grid).query(f"{kind} and @least <= points <= @most")


def case(cells: pd.DataFrame, **fields: Any) -> pd.Series | None:
    """The measured case with these fields of `Case`, the others at their defaults; None if it was not measured."""
    found = cells[(cells[CASE] == pd.Series(asdict(Case(**fields)))).all(axis=1)]
    return None if found.empty else found.iloc[0]


def gain(cells: pd.DataFrame, clock: str, n: int, k: int, **fields: Any) -> float | str:
    """How many times less k passes over n points take than one by a clock; a dash if one of the two is not known."""
    if cells.empty:
        return "pending"
    found = case(cells, points=n, passes=k, **fields)
    return "–" if found is None or math.isnan(found[f"{clock}_gain"]) else found[f"{clock}_gain"]


def effort(profile: str) -> pd.DataFrame:
    """By the first word of a key: `runs` in the ledger, runs `asked` for, and `hours` of one process that runs took."""
    rows = []
    for key in EXPERIMENTS:
        took = [record.get("job_seconds") or record["seconds"] for record in records.records(key, profile)]
        rows.append((key.split("/")[0], len(took), seeds_of(key, profile), sum(took) / 3600))
    return pd.DataFrame(rows, columns=["keys", "runs", "asked", "hours"]).groupby("keys", sort=False).sum()
