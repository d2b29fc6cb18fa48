"""Results against each other, paired by seed and by task.

Runs of one seed share their initial randomness, and rows of one evaluation set share its tasks, so their ratios vary
less than they do. A result of something missing is missing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from iai.study.ledger.statistics import LEVEL, Found, Missing, Ratio, Summary, two_level

Pairs = list[tuple[int, int, int]]
"""Seeds that two results share, and the places of their values in each."""


def difference(first: Found, second: Found) -> Found:
    """The first result less the second, seed by seed."""
    return _paired(first, second, _difference)


def ratio(first: Found, second: Found) -> Found:
    """The first result over the second, paired by seed and, if they were evaluated on the same tasks, by task.

    Missing where a result is not above zero. The variance of the mean log ratio is that over seeds and over tasks
    (`two_level`); results of different draws of tasks have both errors over tasks. Records without values of single
    tasks leave the error over seeds, to which draws that differ add their standard errors over tasks. One run, or two
    that agree, have those as well, as if their tasks differed, which is too wide.
    """
    return _paired(first, second, _ratio)


def change(after: Found, before: Found) -> Found:
    """The relative change from `before` to `after`; -0.25 is a quarter less."""
    found = ratio(after, before)
    return replace(found, values=tuple(v - 1 for v in found.values), less=1.0) if isinstance(found, Ratio) else found


def exact(value: float) -> Summary:
    """A number that is known, such as one that a paper reports, to be compared with."""
    return Summary(values=(value,), errors=(0.0,), seeds=(), profile="", deterministic=True, draw="exact")


def side(found: Ratio) -> str:
    """Where a ratio lies at 95 %: "lower" or "higher" than 1, else "equal" within `MARGIN`, else "open"."""
    if min(below := found.p_below(), above := found.p_above()) <= LEVEL / 2:
        return "lower" if below < above else "higher"
    return "equal" if found.p_equal() <= LEVEL else "open"


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


def leaders(results: Mapping[str, Found]) -> tuple[str, ...]:
    """The label of the least known mean, then all whose 95 % interval of the ratio to it is not above 1, by mean."""
    first = best(results, skip_missing=True)
    if first is None:
        return ()
    known = {label: found for label, found in results.items() if isinstance(found, Summary) and label != first}
    ratios = {label: ratio(found, results[first]) for label, found in known.items()}
    behind = {label for label, one in ratios.items() if isinstance(one, Ratio) and one.interval[0] > 1}
    level = {label: found.mean for label, found in known.items() if label not in behind}
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


def _paired(first: Found, second: Found, combine: Callable[[Summary, Summary, Pairs], Found]) -> Found:
    """Both results combined at the seeds that both have; a deterministic learner has those of the other."""
    if isinstance(first, Missing) or isinstance(second, Missing):
        return first if isinstance(first, Missing) else second
    ours, theirs = ({seed: i for i, seed in enumerate(one.seeds)} for one in (first, second))
    if first.deterministic:
        ours = dict.fromkeys(theirs or ours, 0)
    if second.deterministic:
        theirs = dict.fromkeys(ours, 0)
    pairs = [(seed, ours[seed], theirs[seed]) for seed in ours if seed in theirs]
    return combine(first, second, pairs) if pairs else Missing(reason="the two rows have no seed in common")


def _difference(first: Summary, second: Summary, pairs: Pairs) -> Found:
    return Summary(
        values=tuple(first.values[i] - second.values[j] for _, i, j in pairs), **_where(first, second, pairs)
    )


def _ratio(first: Summary, second: Summary, pairs: Pairs) -> Found:
    above, under = ([one.values[pair[at]] for pair in pairs] for at, one in ((1, first), (2, second)))
    if not all(0 < value < math.inf or math.isnan(value) for value in (*above, *under)):  # nan: not evaluated
        return Missing(reason="a ratio needs results that are finite and above zero", shown="–")
    values = tuple(a / b for a, b in zip(above, under))
    where = _where(first, second, pairs)
    logs = [math.log(value) for value in (values[:1] if where["deterministic"] else values)]
    a, b = (_influence(one, [pair[at] for pair in pairs]) for at, one in ((1, first), (2, second)))
    if same := first.draw == second.draw:
        blocks = [a - b] if a is not None and b is not None else []
    else:
        blocks = [block for block in (a, b) if block is not None]
    error, degrees = two_level(logs, blocks)
    unknown = [one for one, block in ((first, a), (second, b)) if block is None] if not same else []
    if same and not blocks and not error:
        unknown = [first, second]
    if further := sum((one.within / one.mean) ** 2 for one in unknown):
        total = error**2 + further
        error, degrees = math.sqrt(total), degrees * (total / error**2) ** 2 if error else math.inf
    levels = {"seeds": len(set(logs)) > 1, "tasks": bool(blocks) or further != 0}
    scope = " and ".join(name for name, there in levels.items() if there) or "seeds"
    return Ratio(values=values, error=error, degrees=degrees, scope=scope, **where)


def _influence(one: Summary, rows: list[int]) -> np.ndarray | None:
    """What each task adds to the log of the mean of each seed, `seeds tasks`, to first order; None if not known."""
    if not one.tasks:
        return None
    values = np.array([one.tasks[i] for i in rows[: 1 if one.deterministic else None]])
    return values / values.mean(1, keepdims=True)


def _where(first: Summary, second: Summary, pairs: Pairs) -> dict[str, Any]:
    return {
        "errors": (math.nan,) * len(pairs),
        "seeds": tuple(seed for seed, *_ in pairs),
        "profile": first.profile,
        "commits": tuple(sorted({*first.commits, *second.commits})),
        "deterministic": first.deterministic and second.deterministic,
    }
