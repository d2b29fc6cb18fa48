"""The ledger: one JSON file a run at `<root>/<profile>/<key>/seed<k>.json`, and honest means over it.

`root` is `$IAI_RESULTS`, or the nearest `book/results` from the working directory upwards.
"""

import difflib
import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from iai.study.ledger import locks
from iai.study.ledger.provenance import commit, config_hash, sources_hash
from iai.study.ledger.statistics import Missing, Summary
from iai.training.checkpoint import replace_file
from iai.types import UserError

__all__ = ["Missing", "Summary", "commit", "config_hash", "sources_hash"]

SCHEMA = 1
Record = dict[str, Any]
Status = Literal["done", "pending", "stale", "running"]
FIELDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("key", "profile", "config_hash", "sources_hash", "device", "torch", "created"), str),
    **dict.fromkeys(("config", "metrics", "baselines", "curve"), dict),
    **{"schema": int, "seed": int, "seconds": (int, float)},
}


def root() -> Path:
    """The ledger's folder: `$IAI_RESULTS`, else the nearest `book/results` upwards, else a new one."""
    named = os.environ.get("IAI_RESULTS")
    if named:
        return Path(named)
    here = Path.cwd()
    ledgers = (folder / "book" / "results" for folder in (here, *here.parents))
    return next((ledger for ledger in ledgers if ledger.is_dir()), here / "book" / "results")


def path_of(key: str, profile: str, seed: int) -> Path:
    """Where the record of a run is or will be."""
    return root() / profile / key / f"seed{seed}.json"


def read(path: Path) -> Record:
    """The record at `path`; `UserError` if it is no whole record."""
    try:
        record = json.loads(path.read_text())
        if not isinstance(record, dict):
            raise ValueError("it is no JSON object")
        check(record)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        fix = f"restore it with `git checkout -- {path}`, or delete it and run it again"
        raise UserError(f"{path} is no ledger record ({error}): {fix}") from error
    return record


def write(record: Record) -> Path:
    """Put a checked record in the ledger, wholly or not at all; numbers that are not finite become null."""
    tidy = {name: _finite(value) for name, value in record.items()}
    check(tidy)
    lines = (f" {json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in tidy.items())
    path = path_of(record["key"], record["profile"], record["seed"])
    return replace_file(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def check(record: Record) -> None:
    """Raise `ValueError` with the first thing that is wrong with a record."""
    for field, kind in FIELDS.items():
        if field not in record:
            raise ValueError(f"it has no {field!r}")
        if not isinstance(record[field], kind) or isinstance(record[field], bool):
            raise ValueError(f"its {field!r} is {record[field]!r:.40}")
    if record["schema"] != SCHEMA:
        raise ValueError(f"its schema is {record['schema']}, this iai reads {SCHEMA}")
    for series in _series(record):
        if not len(series["mean"]) == len(series["se"]) > 0:
            raise ValueError("a metric's mean and se differ in length or are empty")
        if not all(value is None or isinstance(value, int | float) for value in series["mean"] + series["se"]):
            raise ValueError("a metric holds something that is no number")


def records(key: str, profile: str) -> list[Record]:
    """All records of a key at a profile, by seed; a copy under another name is no run, and a `UserError`."""
    found = []
    for path in (root() / profile / key).glob("seed*.json"):
        record = read(path)
        belongs = path_of(record["key"], record["profile"], record["seed"])
        if path != belongs:
            raise UserError(f"{path} holds the record of {belongs}: move it out of the ledger")
        found.append(record)
    return sorted(found, key=lambda record: record["seed"])


def lock_path(key: str, profile: str, seed: int) -> Path:
    """Where the lock of a run is, beside the ledger, outside version control."""
    return root() / ".locks" / profile / key / f"seed{seed}"


@contextmanager
def lock(key: str, profile: str, seed: int, patience: float = 0.1) -> Iterator[None]:
    """Own a run inside the block; `locks.Running` if another live process does for so many seconds."""
    (root() / ".locks").mkdir(parents=True, exist_ok=True)
    (root() / ".locks" / ".gitignore").write_text("*\n")
    with locks.owned(lock_path(key, profile, seed), patience):
        yield


def recorded(key: str, profile: str, seed: int, expected: str, sources: str | None = None) -> Status:
    """pending (no record), stale (a record of another config hash than `expected`, or not of `sources`) or done."""
    path = path_of(key, profile, seed)
    if not path.exists():
        return "pending"
    found = read(path)
    same = sources in (None, found["sources_hash"])
    return "done" if same and found["config_hash"] == expected else "stale"


def status(key: str, profile: str, seed: int, expected: str, sources: str | None = None) -> Status:
    """running if a live process owns the run, else as `recorded`."""
    held = locks.held(lock_path(key, profile, seed))
    return "running" if held else recorded(key, profile, seed, expected, sources)


def curve(
    key: str, profile: str, evaluation: str, metric: str, baseline: str | None = None
) -> tuple[Summary, ...] | Missing:
    """A metric after k = 0, 1, ... steps on an evaluation set, of the model or a baseline on its batches.

    Missing if there is no record, or if records disagree about the config: their mean would be of nothing.
    """
    found = records(key, profile)
    if not found:
        return Missing(reason=f"no {profile} run of {key}")
    if len({record["config_hash"] for record in found}) > 1:
        return Missing(reason=f"the {profile} runs of {key} have different configs: reproduce the stale ones")
    every = [_pick(record, evaluation, metric, baseline) for record in found]
    commits = tuple(sorted({str(record.get("commit")) for record in found}))
    seeds = tuple(record["seed"] for record in found)
    columns = zip(zip(*(series["mean"] for series in every)), zip(*(series["se"] for series in every)))
    return tuple(
        Summary(values=_floats(values), errors=_floats(errors), seeds=seeds, profile=profile, commits=commits)
        for values, errors in columns
    )


def summary(
    key: str, profile: str, evaluation: str, metric: str, k: int, baseline: str | None = None
) -> Summary | Missing:
    """A metric after k steps over the seeds in the ledger, or Missing."""
    points = curve(key, profile, evaluation, metric, baseline)
    if isinstance(points, Missing):
        return points
    if k not in range(len(points)):
        raise UserError(f"{key} was evaluated after 0 to {len(points) - 1} steps, not after {k}")
    point = points[k]
    if not math.isnan(point.mean):
        return point
    asked = baseline is None and all(k in record.get("asked", [k]) for record in records(key, profile))
    if asked:
        return Missing(reason=f"{key} is not finite after {k} steps", shown="not finite")
    return Missing(reason=f"{baseline or key} was not evaluated after {k} steps", shown="–")


def fact(key: str, profile: str, name: str) -> Summary | Missing:
    """A number that records have beside their metrics, such as `seconds` or `peak_memory`, over the seeds."""
    found = records(key, profile)
    if not found:
        return Missing(reason=f"no {profile} run of {key}")
    if any(name not in record for record in found):
        return Missing(reason=f"not all {profile} runs of {key} were asked for {name}")
    return Summary(
        values=tuple(float(record[name]) for record in found),
        errors=(math.nan,) * len(found),
        seeds=tuple(record["seed"] for record in found),
        profile=profile,
        commits=tuple(sorted({str(record.get("commit")) for record in found})),
    )


def measured(name: str) -> dict[str, Any] | None:
    """What `make bench` or `make grid` measured, `bench/<name>.json` of the ledger; None if it never ran."""
    path = root() / "bench" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def unknown(what: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not known: one line with the near matches, else with all that there is."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or names
    shown = ", ".join(close[:8]) + (", …" if len(close) > 8 else "")
    return UserError(f"unknown {what} {name!r}: {'did you mean' if len(close) < len(names) else 'there is'} {shown}")


def _pick(record: Record, evaluation: str, metric: str, baseline: str | None) -> dict[str, list[float | None]]:
    """One series of a record."""
    table: dict[str, Any] = record["metrics"] if baseline is None else record["baselines"]
    for name, what in ((evaluation, "evaluation set"), (baseline, "baseline"), (metric, "metric")):
        if name is None:
            continue
        if name not in table:
            raise unknown(f"{what} of {record['key']}", name, table)
        table = table[name]
    return table


def _series(record: Record) -> Iterator[dict[str, list[Any]]]:
    """Every {"mean": [...], "se": [...]} of a record."""
    yield from (series for metrics in record["metrics"].values() for series in metrics.values())
    named = (baseline for table in record["baselines"].values() for baseline in table.values())
    yield from (series for metrics in named for series in metrics.values())


def _finite(value: Any) -> Any:
    """The same plain data with null in place of nan and infinities."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _floats(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else float(value) for value in values)
