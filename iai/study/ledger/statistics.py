"""A result over seeds with its standard errors and interval, or the statement that there is none."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

LEVEL = 0.05
"""Level of the tests; intervals are 95 %."""
MARGIN = 1.05
"""Factor within which two results count as equal, declared before the runs that it is applied to."""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A result that the ledger does not have; prints as "pending", "–" or "not finite", never as a number."""

    reason: str
    shown: str = "pending"

    def __format__(self, spec: str) -> str:
        return self.shown

    def __str__(self) -> str:
        return self.shown


class Arm(NamedTuple):
    """Where a result stands in the ledger: the arguments of `records.summary`."""

    row: str
    profile: str
    evaluation: str
    metric: str
    k: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A metric over seeds: the run of `seeds[i]` has mean `values[i]` over tasks, with standard error `errors[i]`.

    A `deterministic` learner does not depend on the seed, as a classical baseline on the same tasks. `tasks[i]` are the
    values of the single tasks of `seeds[i]` (of the only run, if deterministic), empty where records have none; results
    of one `draw` were evaluated on the same tasks. `arm` is where the ledger has the result, if it does.
    """

    values: tuple[float, ...]
    errors: tuple[float, ...]
    seeds: tuple[int, ...]
    profile: str
    commits: tuple[str, ...] = ()
    deterministic: bool = False
    tasks: tuple[tuple[float, ...], ...] = ()
    draw: str = ""
    arm: Arm | None = None

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return fmean(self.values)

    @property
    def between(self) -> float:
        """Standard error over seeds; nan for one seed."""
        n = len(self.values)
        squares = math.fsum((value - self.mean) ** 2 for value in self.values)
        return math.sqrt(squares / (n - 1) / n) if n > 1 else math.nan

    @property
    def within(self) -> float:
        """Standard error over tasks, with the trained models fixed; an upper bound.

        All runs are evaluated on the same tasks, so that their errors do not average out.
        """
        return fmean(self.errors)

    @property
    def source(self) -> str:
        """What `spread` is taken over: "seeds", or "tasks" if there is one seed or all seeds agree."""
        return "seeds" if len(set(self.values)) > 1 else "tasks"

    @property
    def spread(self) -> float:
        """The standard error to print, over what `source` says."""
        return self.between if self.source == "seeds" else self.within

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean: Student's t over seeds, else normal over tasks."""
        degrees = len(self.values) - 1 if self.source == "seeds" else math.inf
        half = round(float(stdtrit(degrees, 0.975)), 3) * self.spread  # three decimals, as in printed tables of t
        return self.mean - half, self.mean + half

    def __format__(self, spec: str) -> str:
        """The mean in format `spec`, by default with three significant digits."""
        return format(self.mean, spec or ".3g")


@dataclass(frozen=True, kw_only=True)
class Ratio(Summary):
    """A ratio of two results, `values[i]` at `seeds[i]`: statistics are those of its logarithm.

    `error` is the standard error of the mean log ratio, with its `degrees` of freedom, over what `scope` says. A
    comparison that must not be decided has the reason in `untestable`. A relative change is a ratio `less` 1.
    """

    error: float
    degrees: float
    scope: str
    untestable: str = ""
    less: float = 0.0

    @property
    def log(self) -> float:
        """Mean over seeds of the log ratio."""
        return fmean(math.log(value + self.less) for value in self.values)

    @property
    def mean(self) -> float:
        """Geometric mean over seeds, less `less`."""
        return math.exp(self.log) - self.less

    @property
    def source(self) -> str:
        """What `error` is taken over: "seeds and tasks", "seeds" or "tasks"."""
        return self.scope

    @property
    def spread(self) -> float:
        """The standard error of the ratio, to first order."""
        return self.error * math.exp(self.log)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval, from Student's t interval of the log ratio; its ends are never negative for a ratio."""
        half = float(stdtrit(self.degrees, 1 - LEVEL / 2)) * self.error
        return math.exp(self.log - half) - self.less, math.exp(self.log + half) - self.less

    def p_below(self, limit: float = 1.0) -> float:
        """One-sided p-value of "the ratio is at least `limit`": small if it is below."""
        distance = self.log - math.log(limit)
        if not self.error:  # identical results
            return 0.0 if distance < 0 else 1.0
        return float(stdtr(self.degrees, distance / self.error))

    def p_above(self, limit: float = 1.0) -> float:
        """One-sided p-value of "the ratio is at most `limit`": small if it is above."""
        return 1.0 - self.p_below(limit) if self.error else float(self.log <= math.log(limit))

    def p_equal(self, target: float = 1.0, margin: float = MARGIN) -> float:
        """P-value of two one-sided tests: small if the ratio is within a factor `margin` of `target`."""
        return max(self.p_below(target * margin), self.p_above(target / margin))


def two_level(logs: Sequence[float], blocks: Sequence[np.ndarray]) -> tuple[float, float]:
    """Standard error and degrees of freedom of the mean over seeds of log ratios.

    `logs` are those of the seeds (one if nothing is random). Each block, `seeds tasks`, has the influence of the tasks
    of one draw on the log ratio of each seed. Tasks are crossed with seeds, so the variance is that of the mean over
    seeds, plus that of the mean over tasks, less the interaction, which both contain. Degrees are Satterthwaite's.
    """
    n = len(logs)
    seeds = float(np.var(logs, ddof=1)) / n if n > 1 else 0.0
    tasks, shared, squares = 0.0, 0.0, seeds**2 / max(n - 1, 1)
    for block in blocks:
        rows, columns = block.shape
        one = float(np.var(block.mean(0), ddof=1)) / columns
        tasks, squares = tasks + one, squares + one**2 / (columns - 1)
        if rows > 1:
            rest = block - block.mean(0) - block.mean(1, keepdims=True) + block.mean()
            shared += float((rest**2).sum()) / ((rows - 1) * (columns - 1)) / (rows * columns)
    variance = max(seeds, tasks, seeds + tasks - shared)
    return math.sqrt(variance), variance**2 / squares if squares else math.inf


def over(points: Iterable[object]) -> str:
    """What the ± of the results among `points` is taken over: "seeds", "tasks", or "seeds, † over tasks"."""
    found = {point.source for point in points if isinstance(point, Summary) and not math.isnan(point.spread)}
    marked = ", † over tasks" if "tasks" in found and len(found) > 1 else ""
    return " or ".join(sorted(found - {"tasks"} if marked else found)) + marked


Found = Summary | Missing
"""What a look-up in the ledger gives."""
