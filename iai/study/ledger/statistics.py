"""A result over seeds with its two spreads, or the statement that there is none."""

import math
from dataclasses import dataclass

T_95 = (
    12.706,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
    2.262,
    2.228,
    2.201,
    2.179,
    2.160,
    2.145,
    2.131,
)
"""97.5 % quantiles of Student's t for 1, 2, ... 15 degrees of freedom."""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What is not in the ledger; it prints as "pending" or the like, never as a number."""

    reason: str
    shown: str = "pending"

    def __format__(self, spec: str) -> str:
        return self.shown

    def __str__(self) -> str:
        return self.shown


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A metric over seeds: run `seeds[i]` has mean `values[i]` over tasks, with standard error `errors[i]`.

    Two spreads, never mixed. `between`: standard error of the mean over seeds, from two seeds on. `within`:
    standard error that the finite number of evaluated tasks gives the mean, the trained models held fixed. Every run
    is judged on the same tasks, so that the errors of runs do not average out.
    """

    values: tuple[float, ...]
    errors: tuple[float, ...]
    seeds: tuple[int, ...]
    profile: str
    commits: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """Mean over seeds of the runs' means over tasks."""
        return math.fsum(self.values) / len(self.values)

    @property
    def between(self) -> float:
        """Standard error over seeds; nan for one seed, which says nothing about seeds."""
        n = len(self.values)
        squares = math.fsum((value - self.mean) ** 2 for value in self.values)
        return math.sqrt(squares / (n - 1) / n) if n > 1 else math.nan

    @property
    def within(self) -> float:
        """At most this is the standard error of the mean that comes from the finite number of evaluated tasks alone."""
        return math.fsum(self.errors) / len(self.errors)

    @property
    def spread(self) -> float:
        """`between` where seeds make a difference, else `within`; `source` says which."""
        return self.between if self.source == "seeds" else self.within

    @property
    def source(self) -> str:
        """What `spread` is taken over: "seeds", or "tasks" for one run and for a baseline, which is the same in all."""
        return "seeds" if len(set(self.values)) > 1 else "tasks"

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean: Student's t over seeds, else normal over tasks."""
        degrees = len(self.values) - 1 if self.source == "seeds" else 0
        t = 1.96 if degrees == 0 else T_95[degrees - 1] if degrees <= len(T_95) else 1.96 + 2.5 / degrees
        return self.mean - t * self.spread, self.mean + t * self.spread

    def __format__(self, spec: str) -> str:
        """The mean in format `spec` (default three significant digits), without its spread."""
        return format(self.mean, spec or ".3g")
