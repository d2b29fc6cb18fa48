"""A small but whole ledger record, for tests."""

from typing import Any

from iai.study.ledger import records

KEY, SET = "table2/linear-regression/data", "linear-regression"


def record(key: str = KEY, seed: int = 0, **changes: Any) -> records.Record:
    """A small but whole record; its error after k steps is (seed + 1) / (k + 1)."""
    mean = [(seed + 1) / (k + 1) for k in range(21)]
    bayes = [value / 2 if k in (1, 5) else None for k, value in enumerate(mean)]
    return {
        **{"schema": 1, "key": key, "profile": "small", "seed": seed, "config": {"width": 8}},
        **{"config_hash": records.config_hash({"width": 8}), "sources_hash": "s", "commit": "abc"},
        **{"device": "cpu", "torch": "2.6", "created": "2026-01-01T00:00:00Z", "seconds": 3.5},
        "metrics": {"linear-regression": {"mse": {"mean": mean, "se": [0.1] * 21}}},
        "baselines": {"linear-regression": {"ridge": {"mse": {"mean": bayes, "se": bayes}}}},
        "curve": {"update": [0, 1], "loss": [2.0, 1.0]},
        **changes,
    }


def arm(key: str = KEY, seed: int = 0, factor: float = 1.0, tasks: int = 0, **changes: Any) -> records.Record:
    """The record of a model whose error after k steps is `factor / (k + 1)`, with a trivial predictor at 2.

    With `tasks`, values of so many single tasks are kept, from 0.5 to 1.5 times their mean.
    """
    found = record(key, seed)
    series: dict[str, Any] = {"mean": [factor / (k + 1) for k in range(21)], "se": [0.1 / (k + 1) for k in range(21)]}
    if tasks:
        spread = [0.5 + i / (tasks - 1) for i in range(tasks)]
        series["tasks"] = {str(k): [series["mean"][k] * one for one in spread] for k in (1, 2, 5, 10, 20)}
    trivial = {"mse": {"mean": [2.0] * 21, "se": [0.1] * 21}}
    beside = {**found["baselines"][SET], "mean": trivial}
    return found | {"metrics": {SET: {"mse": series}}, "baselines": {SET: beside}} | changes
