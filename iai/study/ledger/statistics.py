"""A result over seeds with its standard errors and interval, or the statement that there is none."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from scipy.special import stdtrit


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A result that the ledger does not have; prints as "pending", "–" or "not finite", never as a number."""

    reason: str
    shown: str = "pending"

    def __format__(self, spec: str) -> str:
        return self.shown

    def __str__(self) -> str:
        return self.shown


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A metric over seeds: the run of `seeds[i]` has mean `values[i]` over tasks, with standard error `errors[i]`.

    A `deterministic` learner does not depend on the seed, as a classical baseline on the same tasks.
    """

    values: tuple[float, ...]
    errors: tuple[float, ...]
    seeds: tuple[int, ...]
    profile: str
    commits: tuple[str, ...] = ()
    deterministic: bool = False

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


def over(points: Iterable[object]) -> str:
    """What the ± of the results among `points` is taken over: "seeds", "tasks", or "seeds, † over tasks"."""
    found = {point.source for point in points if isinstance(point, Summary) and not math.isnan(point.spread)}
    return "seeds, † over tasks" if len(found) > 1 else "".join(found)


Found = Summary | Missing
"""What a look-up in the ledger gives."""
