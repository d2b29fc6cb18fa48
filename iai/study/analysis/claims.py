"""The paper's claims and their verdicts: `Claim.verdict` decides each from the outcomes of its tests on the ledger."""

import itertools
import math
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from iai.study.analysis.contrasts import ratio
from iai.study.analysis.costs import largest_gain
from iai.study.analysis.references import Reference
from iai.study.ledger import records
from iai.study.ledger.records import Missing, unknown
from iai.study.ledger.statistics import Found
from iai.types import UserError

Outcome = Literal["holds", "open", "fails", "pending"]
Verdict = Literal["reproduced", "partly", "not reproduced", "not yet run"]
FILE = Path(__file__).with_name("claims.toml")
TEXTS = ("name", "text", "where", "figure", "grade", "believed")
"""The texts of a claim; `believed` is our explanation, and what was tried where it fails."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Whether one result is `at_least` to `at_most` times another, by the 95 % interval of their ratio over seeds.

    `first` and `second` are references. Without `second`, the result itself is compared with the limits.
    """

    first: str
    second: str | None = None
    at_most: float = 1.0
    at_least: float = -math.inf

    def found(self, profile: str) -> Found:
        """The ratio, or the result if there is no second, at a profile."""
        first, *second = (Reference.parse(text, profile).look_up() for text in (self.first, self.second) if text)
        return ratio(first, *second) if second else first

    def outcome(self, profile: str) -> Outcome:
        """holds if the whole interval is within the limits, fails if it is all beyond one of them, else open."""
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
    """Whether k passes over the same data ever took `at_least` times less wall time than one, in `make grid`."""

    attention: str
    passes: int
    at_least: float

    def found(self) -> pd.Series | None:
        """The measured case of the largest gain."""
        return largest_gain(records.measured("passes-cpu"), self.attention, self.passes)

    def outcome(self, profile: str) -> Outcome:
        """holds if the largest gain reaches the limit."""
        found = self.found()
        return "pending" if found is None else "holds" if found["eager_ms_gain"] >= self.at_least else "fails"

    def __str__(self) -> str:
        return f"{self.passes} passes at least {self.at_least:g} times faster than one, {self.attention} attention"

    def shown(self, profile: str) -> str:
        """The largest gain, and where it was measured."""
        found = self.found()
        return "pending" if found is None else f"{found['eager_ms_gain']:.2g} at N = {found['points']:,}"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the paper says in our words, where, with what figure and grade of evidence, and the tests that decide."""

    name: str
    text: str
    where: str
    figure: str
    grade: str
    believed: str
    profile: str | None
    tests: tuple[Comparison | Gain, ...]

    def outcomes(self, profile: str) -> list[Outcome]:
        """The outcome of each test, at the claim's own profile if it has one."""
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
        """The number of tests with each outcome, in words."""
        found = Counter(self.outcomes(profile))
        words = {one: one if found[one] == 1 else one.removesuffix("s") for one in get_args(Outcome) if one in found}
        return ", ".join(f"{found[one]} {word}" for one, word in words.items()) or "no test yet"


@cache
def claims(path: Path = FILE) -> tuple[Claim, ...]:
    """All claims of the file; `UserError` on one that is malformed."""
    return tuple(_claim(entry) for entry in tomllib.loads(path.read_text("utf-8"))["claim"])


def _claim(entry: Mapping[str, Any]) -> Claim:
    known = {*TEXTS, "test", "gain", "profile"}
    for name in entry:
        if name not in known:
            raise unknown(f"field of claim {entry.get('name')}", name, known)
    for name in TEXTS:
        if not isinstance(entry.get(name), str):
            raise UserError(f"claim {entry.get('name')} has no text {name!r}")
    tests: list[Comparison | Gain] = [test for one in entry.get("test", ()) for test in _spread(one)]
    tests += [Gain(**one) for one in entry.get("gain", ())]
    return Claim(**{name: entry[name] for name in TEXTS}, profile=entry.get("profile"), tests=tuple(tests))


def _spread(entry: Mapping[str, Any]) -> Iterator[Comparison]:
    """One test for every combination of the values in `each`, filled into the braces of its references."""
    each = entry.get("each", {})
    for values in itertools.product(*each.values()):
        filled = {name: entry[name].format(**dict(zip(each, values))) for name in ("first", "second") if name in entry}
        yield Comparison(**filled, **{name: entry[name] for name in ("at_most", "at_least") if name in entry})
