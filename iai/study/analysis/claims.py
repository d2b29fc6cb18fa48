"""The paper's claims and their verdicts: each is decided by tests on the ledger, and by nothing else."""

import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from iai.study.analysis.contrasts import Found, ratio
from iai.study.analysis.references import Reference
from iai.study.ledger import records
from iai.study.ledger.records import Missing, unknown
from iai.types import UserError

Outcome = Literal["holds", "open", "fails", "pending"]
Verdict = Literal["reproduced", "partly", "not reproduced", "not yet run"]
FILE = Path(__file__).with_name("claims.toml")
CLAIM = {"name": str, "text": str, "where": str, "figure": str, "grade": str, "believed": str}
"""What every claim says of itself; `believed` is what was tried where it fails, and what we think."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Whether one result is `at_least` to `at_most` times another: by their ratio over paired seeds, its 95 % interval.

    Every run is judged on the same tasks, so that seeds are what pairs are made of. Without `second`, the result
    itself is held to the limit.
    """

    first: str
    second: str | None = None
    at_most: float = 1.0
    at_least: float = -math.inf

    def found(self, profile: str) -> Found:
        """The ratio, or the result, at a profile."""
        top = Reference.parse(self.first, profile).look_up()
        return top if self.second is None else ratio(top, Reference.parse(self.second, profile).look_up())

    def outcome(self, profile: str) -> Outcome:
        """holds where the whole interval is within the limits, fails where all is beyond one, open elsewhere."""
        found = self.found(profile)
        if isinstance(found, Missing):
            return "pending"
        low, high = found.interval
        if low > self.at_most or high < self.at_least:
            return "fails"
        return "holds" if self.at_least <= low and high <= self.at_most else "open"

    def __str__(self) -> str:
        factor = f"{self.at_most:g}" if self.second is None else "" if self.at_most == 1 else f"{self.at_most:g} × "
        least = f"{self.at_least:g} ≤ " if self.at_least > 0 else ""
        return f"{least}{self.first} ≤ {factor}{self.second or ''}"

    def shown(self, profile: str) -> str:
        """The ratio and its interval."""
        found = self.found(profile)
        if isinstance(found, Missing):
            return str(found)
        low, high = found.interval
        return f"{found.mean:.3g} ({low:.3g} to {high:.3g})"


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Whether k passes ever took so many times less wall time than one over the same data, in `make grid`."""

    attention: str
    passes: int
    at_least: float

    def outcome(self, profile: str) -> Outcome:
        """By the largest gain that was measured, at whatever number of observations."""
        found = largest_gain(records.measured("passes-cpu"), self.attention, self.passes)
        return "pending" if found is None else "holds" if found[0] >= self.at_least else "fails"

    def __str__(self) -> str:
        return f"{self.passes} passes at least {self.at_least:g} times faster than one, {self.attention} attention"

    def shown(self, profile: str) -> str:
        """The largest gain, and where it was measured."""
        found = largest_gain(records.measured("passes-cpu"), self.attention, self.passes)
        return "pending" if found is None else f"{found[0]:.2g} at N = {found[1]['points']:,}"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the paper says (in our words), where, with what figure of what grade, and the tests that decide."""

    name: str
    text: str
    where: str
    figure: str
    grade: str
    believed: str
    profile: str | None
    tests: tuple[Comparison | Gain, ...]

    def outcomes(self, profile: str) -> list[Outcome]:
        """Of each test, at the claim's own profile if it has one."""
        return [test.outcome(self.profile or profile) for test in self.tests]

    def verdict(self, profile: str) -> Verdict:
        """reproduced: all tests hold. partly: some do, or none fails. not yet run: one is pending, or there is none."""
        found = self.outcomes(profile)
        if not found or "pending" in found:
            return "not yet run"
        if set(found) == {"holds"}:
            return "reproduced"
        return "partly" if "holds" in found or "fails" not in found else "not reproduced"

    def counts(self, profile: str) -> str:
        """How many tests have which outcome, in words."""
        found = self.outcomes(profile)
        numbers = [(found.count(outcome), outcome) for outcome in get_args(Outcome) if outcome in found]
        shown = [f"{n} {outcome if n == 1 else outcome.removesuffix('s')}" for n, outcome in numbers]
        return ", ".join(shown) or "no test yet"


@cache
def claims(path: Path = FILE) -> tuple[Claim, ...]:
    """All claims of the file; `UserError` on one that is malformed or refers to what no run can have."""
    entries = tomllib.loads(path.read_text())["claim"]
    return tuple(_claim(entry) for entry in entries)


def _claim(entry: Mapping[str, Any]) -> Claim:
    known = {*CLAIM, "test", "gain", "profile"}
    for name in entry:
        if name not in known:
            raise unknown(f"field of claim {entry.get('name')}", name, known)
    for name in CLAIM:
        if not isinstance(entry.get(name), str):
            raise UserError(f"claim {entry.get('name')} has no text {name!r}")
    tests: list[Comparison | Gain] = [test for one in entry.get("test", ()) for test in _spread(one)]
    tests += [Gain(**one) for one in entry.get("gain", ())]
    return Claim(**{name: entry[name] for name in CLAIM}, profile=entry.get("profile"), tests=tuple(tests))


def _spread(entry: Mapping[str, Any]) -> Iterator[Comparison]:
    """A test for every combination of the values in `each`, which fill the braces of its references."""
    each = entry.get("each", {})
    for values in itertools.product(*each.values()):
        fill = dict(zip(each, values))
        second = entry.get("second")
        yield Comparison(
            first=entry["first"].format(**fill),
            second=second and second.format(**fill),
            at_most=entry.get("at_most", 1.0),
            at_least=entry.get("at_least", -math.inf),
        )


def gain(measured: Mapping[str, Any], clock: str, points: int, passes: int, **case: Any) -> float | None:
    """How many times less `passes` take than one by a clock of the grid; None unless both were measured and fit."""
    wanted = {"points": points, "attention": "fused", **case}
    found = {}
    for cell in measured["cells"]:
        if wanted.items() <= cell.items() and not cell["reason"]:
            found[cell["passes"]] = cell[clock]["median"] if isinstance(cell[clock], dict) else cell[clock]
    return found[1] / found[passes] if {1, passes} <= found.keys() else None


def largest_gain(
    measured: Mapping[str, Any] | None, attention: str, passes: int
) -> tuple[float, Mapping[str, Any]] | None:
    """The largest gain of so many passes in wall time, and its cell: parametric models that are shown data."""
    kind = {"regime": "parametric", "signal": "data", "attention": attention}
    cells = [cell for cell in (measured or {"cells": []})["cells"] if kind.items() <= cell.items()]
    gains = []
    for cell in cells:
        if cell["passes"] == passes and measured:
            case = {name: cell[name] for name in (*kind, "width", "depth")}
            value = gain(measured, "eager_ms", cell["points"], passes, **case)
            gains += [(value, cell)] if value else []
    return max(gains, key=lambda pair: pair[0], default=None)
