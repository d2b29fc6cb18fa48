"""Results against each other, seed by seed.

Runs of one seed share their initial randomness, and all runs share the tasks that they are evaluated on, so their
differences vary less than they do. A result of something missing is missing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from iai.study.ledger.statistics import Found, Missing, Summary


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
    """A result in other units: `factor` times its values and errors."""
    if isinstance(found, Missing):
        return found
    values, errors = (tuple(factor * value for value in part) for part in (found.values, found.errors))
    return replace(found, values=values, errors=errors)


def best(results: Mapping[str, Found], skip_missing: bool = False) -> str | None:
    """The label of the least mean; None if there is none, or if one is missing and is not to be skipped."""
    means = {label: found.mean for label, found in results.items() if isinstance(found, Summary)}
    known = skip_missing or len(means) == len(results)
    return min(means, key=means.__getitem__) if means and known else None


def at_most(found: Found, limit: float) -> str:
    """How many runs are at most at a limit, in words: "2 of 3 seeds"."""
    if isinstance(found, Missing):
        return str(found)
    return f"{sum(value <= limit for value in found.values)} of {len(found.values)} seeds"


def standard_errors(found: Found) -> Found | float:
    """A result over its standard error; infinite where all seeds agree and the error over tasks is not known."""
    if isinstance(found, Missing):
        return found
    spread = 0.0 if math.isnan(found.spread) and len(found.values) > 1 else found.spread
    return found.mean / spread if spread else math.copysign(math.inf, found.mean) if found.mean else 0.0


def interval(first: Found, second: Found) -> tuple[float, float]:
    """95 % interval of the first result less the second; nan while one of them is missing.

    Over the seeds that both have. With fewer than two of these, or two deterministic learners, over tasks, as if
    each learner had tasks of its own, which is too wide.
    """
    if isinstance(first, Missing) or isinstance(second, Missing):
        return math.nan, math.nan
    found = difference(first, second)
    if isinstance(found, Summary) and found.source == "seeds":
        return found.interval
    middle, half = first.mean - second.mean, 1.96 * math.hypot(first.within, second.within)
    return middle - half, middle + half


def leaders(results: Mapping[str, Found]) -> tuple[str, ...]:
    """The label of the least known mean, then all whose interval of the difference to it has zero in it, by mean."""
    first = best(results, skip_missing=True)
    if first is None:
        return ()
    known = {label: found for label, found in results.items() if isinstance(found, Summary) and label != first}
    level = {label: found.mean for label, found in known.items() if interval(found, results[first])[0] <= 0}
    return first, *sorted(level, key=level.__getitem__)


def leaders_in_words(results: Mapping[str, Found], names: int = 3) -> str:
    """The leaders in words: "A", or "A; B level", or "A (2 pending)"; "pending" while nothing is known."""
    found = leaders(results)
    waiting = sum(str(one) == "pending" for one in results.values() if isinstance(one, Missing))
    if not found:
        return "pending" if waiting or not results else "–"
    rest = f" and {len(found) - names} more" if len(found) > names else ""
    text = "; ".join(found[:names]) + rest + " level" * (len(found) > 1)
    return text + f" ({waiting} pending)" * bool(waiting)


def _paired(first: Found, second: Found, combine: Callable[[float, float], float]) -> Found:
    """Both results combined at the seeds that both have; a deterministic learner has those of the other."""
    if isinstance(first, Missing) or isinstance(second, Missing):
        return first if isinstance(first, Missing) else second
    ours, theirs = (dict(zip(one.seeds, one.values)) for one in (first, second))
    if first.deterministic:
        ours = dict.fromkeys(theirs, first.values[0])
    if second.deterministic:
        theirs = dict.fromkeys(ours, second.values[0])
    seeds = tuple(seed for seed in ours if seed in theirs)
    if not seeds:
        return Missing(reason="the two rows have no seed in common")
    return Summary(
        values=tuple(combine(ours[seed], theirs[seed]) for seed in seeds),
        errors=(math.nan,) * len(seeds),  # which tasks give a combination is not known
        seeds=seeds,
        profile=first.profile,
        commits=tuple(sorted({*first.commits, *second.commits})),
        deterministic=first.deterministic and second.deterministic,
    )
