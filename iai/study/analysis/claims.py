"""The paper's claims and their verdicts: `Claim.verdict` decides each from its tests on the ledger."""

import itertools
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from iai.study.analysis.contrasts import exact
from iai.study.analysis.costs import data_gains
from iai.study.analysis.gate import compared
from iai.study.analysis.references import Reference
from iai.study.ledger import records
from iai.study.ledger.records import unknown
from iai.study.ledger.statistics import LEVEL, MARGIN, Missing, Ratio
from iai.types import UserError

Outcome = Literal["holds", "open", "fails", "not testable", "pending"]
Verdict = Literal[
    "supported", "supported with exceptions", "mixed", "inconclusive", "contradicted", "not testable", "not run"
]
FILE = Path(__file__).with_name("claims.toml")
TEXTS = ("name", "text", "where", "figure", "grade", "believed")
"""The texts of a claim; `believed` is our explanation, and what was tried where it fails."""
UNDECIDED: dict[Outcome, Verdict] = {"pending": "not run", "not testable": "not testable", "open": "inconclusive"}
"""The verdict where the primary test is neither held nor failed."""
EXCEPTIONS = 1 / 3
"""The share of the further tests that may disagree with the primary one before a verdict is mixed."""


class Evidence(NamedTuple):
    """What a test found, the p-values with which it holds and fails, and why neither counts, if so."""

    shown: str
    holds: float = 1.0
    fails: float = 1.0
    blocked: Literal["", "not testable", "pending"] = ""

    def outcome(self, p: float) -> Outcome:
        """holds or fails at level `LEVEL` of the adjusted p-value, else open; or why it is neither."""
        return self.blocked or ("open" if p > LEVEL else "holds" if self.holds < self.fails else "fails")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Whether a result is below `limit` times every rival or, with `equals`, within a factor `margin` of that ratio.

    `first` and `rivals` are references; without rivals the result itself is the ratio. One that is about more steps
    than a model was trained on is `beyond`.
    """

    first: str
    rivals: tuple[str, ...] = ()
    limit: float = 1.0
    equals: float | None = None
    margin: float = MARGIN
    beyond: bool = False

    def evidence(self, profile: str) -> Evidence:
        """The ratio to the rival that is nearest to the result, and p-values over all rivals.

        Below a limit: the result must be so against every rival (intersection-union, two-sided p-values), and fails if
        for any of them (Bonferroni) it is above, or equal within `MARGIN` of the limit. Equal: two one-sided tests; it
        fails if the ratio is beyond the margin. A single seed decides nothing.
        """
        within = None if self.equals is None else (self.equals / self.margin, self.equals * self.margin)
        first, *others = (Reference.parse(text, profile).look_up() for text in (self.first, *self.rivals))
        how: dict[str, Any] = {"limit": self.limit, "within": within, "beyond": self.beyond}
        every = [compared(first, other, **how) for other in others or [exact(1.0)]]
        if missing := [one for one in every if isinstance(one, Missing)]:
            pending = any(str(one) == "pending" for one in missing)
            return Evidence(missing[0].reason, blocked="pending" if pending else "not testable")
        found = [one for one in every if isinstance(one, Ratio)]
        nearest = max(found, key=lambda one: one.p_below(self.limit))
        if closed := [one for one in found if one.untestable]:
            return Evidence(f"{closed[0].untestable}; {shown(closed[0])}", blocked="not testable")
        if len(nearest.seeds) < 2 and not nearest.deterministic:
            return Evidence(shown(nearest))
        if self.equals is not None:
            outside = (nearest.p_above(self.equals * self.margin), nearest.p_below(self.equals / self.margin))
            return Evidence(shown(nearest), nearest.p_equal(self.equals, self.margin), 2 * min(outside))
        below = max(2 * one.p_below(self.limit) for one in found)
        above = min(min(2 * one.p_above(self.limit), one.p_equal(self.limit)) for one in found)
        return Evidence(shown(nearest), below, len(found) * above)

    def __str__(self) -> str:
        """Family, signal and k of the result, and in what each rival differs."""
        words, *others = (described(text) for text in (self.first, *self.rivals))
        rivals = [", ".join(b for a, b in zip(words, other) if a != b) for other in others]
        over = " over " + "; ".join(rivals) if rivals else ""
        asked = f" = {self.equals:g} within a factor {self.margin:g}" if self.equals is not None else ""
        return ", ".join(filter(None, words)) + over + asked + (f" < {self.limit:g}" if self.limit != 1 else "")


def described(reference: str) -> tuple[str, ...]:
    """Family, evaluation set and metric where not plain, signal, baseline and k of a reference, in words."""
    key, evaluation, metric, k = reference.split(":")[-4:]
    family, _, signal = key.rpartition("/")
    *baseline, metric = metric.split("/")
    return (
        family,
        "" if evaluation in family.split("/") else f"on {evaluation}",
        signal,
        "".join(baseline),
        "" if metric.split("_by_")[0] in ("mse", "error") else metric,
        f"points = {k}" if metric.endswith("_by_points") else f"k = {k}",
    )


def shown(found: Ratio) -> str:
    """A ratio and its interval, and that it is over seeds alone where records have no values of single tasks."""
    low, high = found.interval
    return f"{found.mean:.3g} [{low:.3g}, {high:.3g}]" + " over seeds alone" * (found.source == "seeds")


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Whether many passes over the same data take `equals` times less wall time than one, within a factor `margin`.

    Asked of all measured cases of `least` to `most` points: holds if all are within the margin, fails if none is.
    """

    attention: str
    passes: int
    equals: float
    margin: float
    least: int = 0
    most: int | None = None

    def evidence(self, profile: str) -> Evidence:
        """The measured gains; p-values are 0 and 1, as the spread of repeated timings is far below the margin."""
        cases = data_gains(records.measured("passes-cpu"), self.attention, self.passes, self.least, self.most)
        gains = cases["eager_ms_gain"].dropna().sort_values()
        if cases.empty:
            return Evidence("pending", blocked="pending")
        if gains.empty:
            return Evidence("not both of one pass and many fit in memory", blocked="not testable")
        inside = gains.between(self.equals / self.margin, self.equals * self.margin)
        ends = f"{gains.iloc[0]:.2g} to {gains.iloc[-1]:.2g}" if len(gains) > 1 else f"{gains.iloc[0]:.2g}"
        return Evidence(ends, float(not inside.all()), float(inside.any()))

    def __str__(self) -> str:
        sizes = f"{self.least:,} points or more" if self.most is None else f"at most {self.most:,} points"
        asked = f"{self.equals:g} within a factor {self.margin:g}"
        return f"{self.passes} passes over one, {self.attention} attention, {sizes} = {asked}"


class Judged(NamedTuple):
    """The outcome of each test of a claim and what it found, the primary one first."""

    results: list[tuple[Outcome, str]]

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcome of each test."""
        return [outcome for outcome, _ in self.results]

    @property
    def verdict(self) -> Verdict:
        """What the tests say together; of the further ones, those that were run and pass the gate.

        - not run, not testable, inconclusive: the primary test is pending, fails the gate, is open.
        - supported: the primary test holds, and so do all others; with exceptions, if at most a third do not.
        - contradicted: the primary test fails, and at most a third of the others hold.
        - mixed: all else.
        """
        first, *others = self.outcomes
        if first in UNDECIDED:
            return UNDECIDED[first]
        rest = [one for one in others if one in ("holds", "open", "fails")]
        against = sum((one == "holds") != (first == "holds") for one in rest)
        if against > EXCEPTIONS * len(rest):
            return "mixed"
        return "contradicted" if first == "fails" else "supported with exceptions" if against else "supported"

    @property
    def counts(self) -> str:
        """The number of tests with each outcome: "2 holds / 1 open / 0 fails, 3 pending"."""
        found = Counter(self.outcomes)
        decided, apart = get_args(Outcome)[:3], get_args(Outcome)[3:]
        text = " / ".join(f"{found[one]} {one}" for one in decided)
        return text + "".join(f", {found[one]} {one}" for one in apart if found[one])


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the paper says in our words, where, with what figure and grade of evidence, and the tests that decide.

    The first of `tests` is the primary one.
    """

    name: str
    text: str
    where: str
    figure: str
    grade: str
    believed: str
    profile: str | None
    tests: tuple[Comparison | Gain, ...]

    def judged(self, profile: str) -> Judged:
        """What the tests find, at the claim's own profile if it has one.

        The primary test is decided at 5 %, the others at 5 % together, by Holm's procedure over those that were run.
        """
        found = [test.evidence(self.profile or profile) for test in self.tests]
        rest = [min(one.holds, one.fails) for one in found[1:] if not one.blocked]
        ps = iter(holm(rest))
        adjusted = [min(one.holds, one.fails) for one in found[:1]]
        adjusted += [1.0 if one.blocked else next(ps) for one in found[1:]]
        return Judged([(one.outcome(p), one.shown) for one, p in zip(found, adjusted)])


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given."""
    adjusted, largest = [1.0] * len(ps), 0.0
    for place, i in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, (len(ps) - place) * ps[i])
        adjusted[i] = min(1.0, largest)
    return adjusted


@cache
def claims(path: Path = FILE) -> tuple[Claim, ...]:
    """All claims of the file; `UserError` on one that is malformed."""
    return tuple(_claim(entry) for entry in tomllib.loads(path.read_text("utf-8"))["claim"])


def _claim(entry: Mapping[str, Any]) -> Claim:
    known = {*TEXTS, "primary", "test", "profile"}
    for name in entry:
        if name not in known:
            raise unknown(f"field of claim {entry.get('name')}", name, known)
    for name in TEXTS:
        if not isinstance(entry.get(name), str):
            raise UserError(f"claim {entry.get('name')} has no text {name!r}")
    if not isinstance(entry.get("primary"), dict) or "each" in entry["primary"]:
        raise UserError(f"claim {entry['name']} needs one primary test: [claim.primary], without each")
    tests = dict.fromkeys(test for one in (entry["primary"], *entry.get("test", ())) for test in _spread(one))
    return Claim(**{name: entry[name] for name in TEXTS}, profile=entry.get("profile"), tests=tuple(tests))


def _spread(entry: Mapping[str, Any]) -> Iterator[Comparison | Gain]:
    """One test for every combination of the values in `each`, filled into the braces of its references."""
    kind: type[Comparison | Gain] = Gain if "attention" in entry else Comparison
    each, plain = entry.get("each", {}), {k: v for k, v in entry.items() if k not in ("each", "first", "second")}
    for name in plain:
        if name not in (known := [field.name for field in fields(kind)]):
            raise unknown("field of a test", name, known)
    if kind is Gain:
        yield Gain(**plain)
        return
    second = entry.get("second", [])
    for values in itertools.product(*each.values()):
        first, *rivals = (
            text.format(**dict(zip(each, values)))
            for text in (entry["first"], *([second] if isinstance(second, str) else second))
        )
        yield Comparison(first=first, rivals=tuple(rivals), **plain)
