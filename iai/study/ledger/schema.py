"""What a record is: its fields, and the series of numbers in it."""

import math
from collections.abc import Iterator
from typing import Any

SCHEMA = 1
MODEL = "model"
"""The name of the model itself among the learners of a frame."""
Record = dict[str, Any]
NUMBER = (int, float)
NEEDED: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("key", "profile", "config_hash", "sources_hash", "device", "torch", "created"), str),
    **dict.fromkeys(("config", "metrics", "baselines", "curve"), dict),
    **{"schema": int, "seed": int, "seconds": NUMBER},
}
"""The fields that every record has, and their types."""
FIELDS = NEEDED | {
    **dict.fromkeys(
        ("parameters", "tokens_per_second", "flops", "flops_per_second", "launches", "peak_memory"), NUMBER
    ),
    **dict.fromkeys(("utilisation", "adapt_seconds", "adapt_flops", "job_seconds"), NUMBER),
    **{"commit": (str, type(None)), "precision": str, "data": dict, "asked": list, "baseline_costs": dict},
    "baselines_hash": str,
}
"""Those that a record may have, too."""


def check(record: Any) -> None:
    """Raise `ValueError` with the first thing that is wrong with a record."""
    if absent := [field for field in NEEDED if field not in record]:
        raise ValueError(f"it has no {absent[0]!r}")
    for field, kind in FIELDS.items():
        value = record.get(field)
        if field in record and not (isinstance(value, kind) and (_number(value) or not isinstance(value, int | float))):
            raise ValueError(f"its {field!r} is {value!r:.40}")
    if record["schema"] != SCHEMA:
        raise ValueError(f"its schema is {record['schema']}, this iai reads {SCHEMA}")
    pairs = [(metric, series["mean"], series["se"]) for *_, metric, series in series_of(record)]
    for metric, one, other in [*pairs, ("curve", record["curve"]["update"], record["curve"]["loss"])]:
        if not len(one) == len(other) > 0:
            raise ValueError(f"two series of its {metric!r} differ in length or are empty")
        _numbers(metric, [*one, *other])
    for *_, metric, series in series_of(record):
        check_tasks(metric, series)


def check_tasks(metric: str, series: dict[str, Any]) -> None:
    """Raise `ValueError` unless the values of single tasks, if there are any, are numbers whose mean is the mean."""
    tasks = series.get("tasks", {})
    if len({len(values) for values in tasks.values()}) > 1:
        raise ValueError(f"its {metric!r} has different numbers of tasks after different steps")
    for k, values in tasks.items():
        mean, numbers = series["mean"][int(k)], _numbers(metric, values)
        if (mean is None or not values) != (len(numbers) < len(values)) or (
            mean is not None and abs(sum(numbers) - len(values) * mean) > 1e-3 * sum(map(abs, numbers))
        ):
            raise ValueError(f"the tasks of its {metric!r} after {k} steps have another mean than it says")


def check_measured(found: Any) -> None:
    """Raise an error if the cells or groups, the machine or the date of a measurement are malformed."""
    cells = found["cells"] if "cells" in found else found["groups"].values()
    if not all(isinstance(one, dict) for one in cells) or not isinstance(found["cpu"] + found["date"], str):
        raise ValueError("its cells or groups are malformed")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(metric: str, values: Any) -> list[int | float]:
    """What is there of a series, of which a part may be `None`; a record has thousands, so all are checked at once."""
    kinds = set(map(type, values))
    numbers = [value for value in values if value is not None] if type(None) in kinds else values
    if not kinds <= {int, float, type(None)} or not math.isfinite(sum(numbers)):
        raise ValueError(f"its {metric!r} holds something that is no number")
    return numbers


def series_of(record: Record) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(evaluation set, learner, metric, series) of a record, those of the model first.

    A series is {"mean": [...], "se": [...]} and, in records of later versions, "tasks": {"1": [...], "2": ...}.
    """
    tables = [(name, {MODEL: metrics}) for name, metrics in record["metrics"].items()]
    for evaluation, learners in [*tables, *record["baselines"].items()]:
        for learner, metrics in learners.items():
            yield from ((evaluation, learner, metric, series) for metric, series in metrics.items())


def means_alone(found: Any) -> Any:
    """Tables of series without the values of single tasks, which not all records have."""
    return {name: means_alone(v) for name, v in found.items() if name != "tasks"} if isinstance(found, dict) else found
