"""Results against each other, seed by seed: what a claim about two rows or two steps is decided by.

Runs of one seed share their initial randomness and all runs share the tasks that judge them, so their differences
vary less than they do. What is missing stays missing.
"""

import math
from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from iai.study.ledger.statistics import Missing, Summary

Found = Summary | Missing


def difference(first: Found, second: Found) -> Found:
    """The first result less the second."""
    return _paired(first, second, lambda a, b: a - b)


def ratio(first: Found, second: Found) -> Found:
    """The first result over the second."""
    return _paired(first, second, lambda a, b: a / b if b else math.nan)


def change(after: Found, before: Found) -> Found:
    """The relative change from `before` to `after`; -0.25 is a quarter less."""
    return _paired(after, before, lambda a, b: a / b - 1 if b else math.nan)


def scaled(found: Found, factor: float) -> Found:
    """A result in other units: `factor` times values and errors."""
    if isinstance(found, Missing):
        return found
    values, errors = (tuple(factor * value for value in part) for part in (found.values, found.errors))
    return replace(found, values=values, errors=errors)


def best(rows: dict[str, Found]) -> str | None:
    """The label of the least mean; None while any is missing."""
    found = {label: row.mean for label, row in rows.items() if isinstance(row, Summary)}
    return min(found, key=lambda label: found[label]) if found and len(found) == len(rows) else None


def at_most(found: Found, limit: float) -> str:
    """In words, how many runs keep to a limit: "3 of 3 seeds"; "pending" while there is none."""
    if isinstance(found, Missing):
        return str(found)
    return f"{sum(value <= limit for value in found.values)} of {len(found.values)} seeds"


def standard_errors(found: Found) -> Found | float:
    """A result in units of its standard error: how far it is from zero; infinite where seeds agree exactly."""
    if isinstance(found, Missing):
        return found
    if math.isnan(found.spread) and len(found.values) > 1:  # seeds agree, and tasks have no say
        return math.copysign(math.inf, found.mean) if found.mean else 0.0
    return found.mean / found.spread if found.spread else math.copysign(math.inf, found.mean)


def best_known(scores: Mapping[str, Found]) -> str | None:
    """The label of the least mean among what is there; None if nothing is."""
    means = {label: found.mean for label, found in scores.items() if isinstance(found, Summary)}
    return min(means, key=lambda label: means[label]) if means else None


def interval(first: Found, second: Found, fixed: tuple[bool, bool] = (False, False)) -> tuple[float, float]:
    """95 % interval of the first result less the second, nan while one of them is missing.

    Over the seeds that both have, as pairs; one that is `fixed` is the same at all seeds of the other. Where seeds say
    nothing, of fewer than two pairs or two fixed learners, over tasks, as if those were others for the two, which is
    too wide.
    """
    if isinstance(first, Missing) or isinstance(second, Missing):
        return math.nan, math.nan
    pair = _at(first, second) if fixed[0] else first, _at(second, first) if fixed[1] else second
    found = None if all(fixed) else difference(*pair)
    if isinstance(found, Summary) and found.source == "seeds":
        return found.interval
    middle, half = first.mean - second.mean, 1.96 * math.hypot(first.within, second.within)
    return middle - half, middle + half


def leaders(scores: Mapping[str, Found], fixed: Container[str] = ()) -> tuple[str, ...]:
    """Who has the least mean of what is known, and all whose interval of the difference to it has zero in it."""
    first = best_known(scores)
    if first is None:
        return ()
    level = {}
    for label, found in scores.items():
        low, _ = interval(found, scores[first], (label in fixed, first in fixed))
        if label != first and isinstance(found, Summary) and low <= 0:
            level[label] = found.mean
    return first, *sorted(level, key=lambda label: level[label])


def leaders_in_words(scores: Mapping[str, Found], fixed: Container[str] = (), names: int = 3) -> str:
    """The leader in words: "A", or "A, B level", or "A; 2 pending"; "pending" while nothing is known."""
    found = leaders(scores, fixed)
    waiting = sum(str(one) == "pending" for one in scores.values() if isinstance(one, Missing))
    if not found:
        return "pending" if waiting or not scores else "–"
    rest = f" and {len(found) - names} more" if len(found) > names else ""
    text = "; ".join(found[:names]) + rest + " level" * (len(found) > 1)
    return text + f" ({waiting} pending)" * bool(waiting)


def _at(constant: Summary, other: Summary) -> Summary:
    """The result of a fixed learner, as if it were run at the seeds of another."""
    values = (constant.values[0],) * len(other.seeds)
    return Summary(values=values, errors=values, seeds=other.seeds, profile=constant.profile)


def _paired(first: Found, second: Found, combine: Callable[[float, float], float]) -> Found:
    """Both results combined at the seeds that both have; the error that tasks give a combination is not known."""
    if isinstance(first, Missing):
        return first
    if isinstance(second, Missing):
        return second
    by_seed = dict(zip(second.seeds, second.values))
    pairs = [(seed, value) for seed, value in zip(first.seeds, first.values) if seed in by_seed]
    if not pairs:
        return Missing(reason="the two rows have no seed in common")
    values = tuple(combine(value, by_seed[seed]) for seed, value in pairs)
    seeds, commits = tuple(seed for seed, _ in pairs), tuple(sorted({*first.commits, *second.commits}))
    return replace(first, values=values, errors=(math.nan,) * len(values), seeds=seeds, commits=commits)
