"""The ledger: one JSON file a run at `<root>/<profile>/<key>/seed<k>.json`, read as one frame of numbers.

`root` is `$IAI_RESULTS`, or the nearest `book/results` from the working directory upwards, or the one of this checkout.
"""

import glob
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import pandas as pd

from iai.fields import unknown
from iai.study.ledger import locks
from iai.study.ledger.provenance import LIBRARY, commit, config_hash, sources_hash
from iai.study.ledger.schema import MODEL, SCHEMA, Record, check, check_measured, series_of
from iai.study.ledger.statistics import Arm, Missing, Summary
from iai.tasks import data
from iai.training import replace_file
from iai.types import UserError

__all__ = ["SCHEMA", "Missing", "Summary", "commit", "config_hash", "sources_hash", "unknown"]

P = ParamSpec("P")
R = TypeVar("R")
COLUMNS = ["key", "seed", "evaluation", "learner", "metric", "k", "mean", "se"]
Status = Literal["done", "pending", "stale", "running"]


def root() -> Path:
    """The ledger's folder: `$IAI_RESULTS`, else the nearest `book/results` upwards, else this checkout's, else new."""
    here, inside = Path.cwd(), Path("book", "results")
    ledgers = (folder / inside for folder in (here, *here.parents, LIBRARY.parent))
    return data.folder("IAI_RESULTS", next(filter(Path.is_dir, ledgers), here / inside))


def searched() -> None:
    """Say on stderr which folder was searched, if it has no record."""
    if not any(root().glob("*/**/seed*.json")):
        what = "has no records" if root().is_dir() else "does not exist"
        print(f"iai: the ledger {root()} {what}: name another with --results DIR or IAI_RESULTS", file=sys.stderr)


def path_of(key: str, profile: str, seed: int) -> Path:
    """Where the record of a run is or will be."""
    return root() / profile / key / f"seed{seed}.json"


def read(path: Path, checked: Callable[[Any], None] = check) -> Record:
    """The record at `path`, or what else `checked` finds no fault with; `UserError` if it does, or it is no JSON."""
    try:
        checked(found := json.loads(path.read_bytes()))
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
        fix = f"restore it with `git checkout -- {path}`, or delete it and run it again"
        raise UserError(f"{path} is no part of a ledger ({error}): {fix}") from error
    return found


def write(record: Record) -> Path:
    """Put a checked record in the ledger, wholly or not at all; numbers that are not finite become null."""
    tidy = json.loads(json.dumps(record), parse_constant=lambda _: None)
    check(tidy)
    dense = {name: json.dumps(value, allow_nan=False, separators=(",", ":")) for name, value in tidy.items()}
    lines = (f" {json.dumps(name)}: {text}" for name, text in dense.items())
    path = path_of(record["key"], record["profile"], record["seed"])
    return replace_file(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def until_changed(function: Callable[Concatenate[str, str, P], R]) -> Callable[Concatenate[str, str, P], R]:
    """Keep what a function of (keys or row, profile, ...) returns until a file of these records changes."""
    kept: dict[tuple[Any, ...], tuple[Any, R]] = {}

    @wraps(function)
    def call(row: str, profile: str, *rest: P.args, **named: P.kwargs) -> R:
        folder, named_so = root() / profile, f"{row.split('|')[0]}/seed*.json"
        paths = (folder / name for name in glob.iglob(named_so, root_dir=folder, recursive=True))  # noqa: PTH207 (Path.glob is four times slower)
        files = {path: (stat.st_mtime_ns, stat.st_ino) for path in paths for stat in [path.stat()]}
        asked = (row, profile, *rest, *named.items())
        if asked not in kept or kept[asked][0] != files:
            kept[asked] = files, function(row, profile, *rest, **named)
        return kept[asked][1]

    return call


@until_changed
def records(keys: str, profile: str) -> tuple[Record, ...]:
    """All records of a key, or of all keys that match a pattern, by key and seed; to be read, not to be changed.

    A copy of a record under another name is no run, and a `UserError`.
    """
    found = []
    for path in (root() / profile).glob(f"{keys}/seed*.json"):
        record = read(path)
        belongs = path_of(record["key"], record["profile"], record["seed"])
        if path != belongs:
            raise UserError(f"{path} holds the record of {belongs}: move it out of the ledger")
        found.append(record)
    return tuple(sorted(found, key=lambda record: (record["key"], record["seed"])))


def lock_path(key: str, profile: str, seed: int) -> Path:
    """Where the lock of a run is, beside the ledger, outside version control."""
    return root() / ".locks" / profile / key / f"seed{seed}"


@contextmanager
def lock(key: str, profile: str, seed: int, patience: float = 0.1) -> Iterator[None]:
    """Own a run inside the block; `locks.Running` if another live process still owns it after `patience` seconds."""
    with locks.owned(lock_path(key, profile, seed), patience):
        ignored = root() / ".locks" / ".gitignore"
        with suppress(OSError):  # of another user
            ignored.exists() or ignored.write_text("*\n")
        yield


def status(key: str, profile: str, seed: int, expected: str, sources: str | None = None, locked: bool = True) -> Status:
    """running if a live process owns the run and `locked` counts, pending without a record, stale or done with one.

    A record is stale if it has another config hash than `expected`, or is not of the `sources` that are given.
    """
    path = path_of(key, profile, seed)
    if locked and locks.held(lock_path(key, profile, seed)):
        return "running"
    if not path.exists():
        return "pending"
    found = read(path)
    return "done" if found["config_hash"] == expected and sources in (None, found["sources_hash"]) else "stale"


@until_changed
def frame(keys: str, profile: str) -> pd.DataFrame:
    """All numbers of the ledger, one a row, of a key or of all keys that match a pattern such as `table?/mnist/*`.

    Columns: `key`, `seed`, `evaluation` (the evaluation set), `learner` ("model", or the name of a baseline on the
    same batches), `metric`, `k` (steps), and over tasks `mean` and `se`, its standard error. Both are nan where the
    learner was not evaluated or not finite.
    """
    rows = [
        (record["key"], record["seed"], *names, k, mean, se)
        for record in records(keys, profile)
        for *names, series in series_of(record)
        for k, (mean, se) in enumerate(zip(series["mean"], series["se"]))
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"mean": float, "se": float})


@until_changed
def curve(row: str, profile: str, evaluation: str, metric: str) -> tuple[Summary, ...] | Missing:
    """A metric of a row after k = 0, 1, ... steps on an evaluation set.

    A row is `key`, or `key|baseline` for a baseline on the same batches. Missing if there is no record, or if the
    records have different configs. `UserError` on a name that not all have.
    """
    key, _, baseline = row.partition("|")
    found, rows = records(key, profile), frame(key, profile)
    if not found:
        return Missing(reason=f"no {profile} run of {key}")
    if len({record["config_hash"] for record in found}) > 1:
        return Missing(reason=f"the {profile} runs of {key} have different configs: reproduce the stale ones")
    names = {"evaluation": evaluation, "learner": baseline or MODEL, "metric": metric}
    for (column, name), what in zip(names.items(), ("evaluation set", "baseline", "metric")):
        known = [one for one in rows[column].unique() if one != MODEL]
        rows = rows[rows[column] == name]
        if rows["seed"].nunique() < len(found):
            raise unknown(f"{what} of {key}", name, known)
    sizes = rows.groupby("seed").size()
    if sizes.min() < sizes.max():
        short = path_of(key, profile, int(sizes.idxmin()))
        raise UserError(f"{short} has fewer {metric} of {evaluation} than other seeds: delete it and run it again")
    means, errors = (rows[part].to_numpy().reshape(len(found), -1).T.tolist() for part in ("mean", "se"))
    series = [
        (record["baselines"][evaluation][baseline] if baseline else record["metrics"][evaluation])[metric]
        for record in found
    ]
    how: dict[str, Any] = {"deterministic": bool(baseline), "draw": draw(found[0], evaluation)}
    return tuple(
        _summary(found, *step, **how, tasks=_tasks(series, k, baseline), arm=Arm(row, profile, evaluation, metric, k))
        for k, step in enumerate(zip(means, errors))
    )


def draw(record: Record, evaluation: str) -> str:
    """A hash of what decides which tasks an evaluation set has: equal for results that can be paired by task."""
    config = record["config"]
    drawn = {k: v for k, v in config.get("evaluation", {}).items() if k not in ("contexts", "one_context")}
    return config_hash({"task": config.get("evaluation_sets", {}).get(evaluation), "evaluation": drawn})


def _tasks(series: Sequence[dict[str, Any]], k: int, baseline: str) -> tuple[tuple[float, ...], ...]:
    """The values of single tasks by run, of one run for a baseline; empty if a run that should have them has none."""
    found = [one["tasks"][str(k)] for one in series if str(k) in one.get("tasks", {})]
    whole = found[:1] if baseline else found if len(found) == len(series) else []
    return () if any(None in values for values in whole) else tuple(map(tuple, whole))


def summary(row: str, profile: str, evaluation: str, metric: str, k: int) -> Summary | Missing:
    """A metric of a row, as `curve` has it, after k steps, or Missing; `UserError` on a k that no run has."""
    points, (key, _, baseline) = curve(row, profile, evaluation, metric), row.partition("|")
    if isinstance(points, Missing):
        return points
    if k not in range(len(points)):
        raise UserError(f"{key} was evaluated after 0 to {len(points) - 1} steps, not after {k}")
    if not math.isnan(points[k].mean):
        return points[k]
    if not baseline and all(k in record.get("asked", [k]) for record in records(key, profile)):
        return Missing(reason=f"{key} is not finite after {k} steps", shown="not finite")
    return Missing(reason=f"{baseline or key} was not evaluated after {k} steps", shown="–")


def fact(key: str, profile: str, name: str) -> Summary | Missing:
    """A number that records have beside their metrics, such as `seconds` or `peak_memory`, over the seeds."""
    found = records(key, profile)
    if not found:
        return Missing(reason=f"no {profile} run of {key}")
    if any(name not in record for record in found):
        return Missing(reason=f"not all {profile} runs of {key} were asked for {name}")
    return _summary(found, [float(record[name]) for record in found], [math.nan] * len(found))


def measured(name: str) -> dict[str, Any] | None:
    """What `make bench` or `make grid` measured, `bench/<name>.json` of the ledger; None if it never ran."""
    path = root() / "bench" / f"{name}.json"
    return read(path, check_measured) if path.exists() else None


def _summary(found: Sequence[Record], values: Iterable[float], errors: Iterable[float], **how: Any) -> Summary:
    """A number of each record, with its error over tasks."""
    seeds, commits = (record["seed"] for record in found), {str(record.get("commit")) for record in found}
    where: dict[str, Any] = {"seeds": tuple(seeds), "profile": found[0]["profile"], "commits": tuple(sorted(commits))}
    return Summary(values=tuple(values), errors=tuple(errors), **where, **how)
