"""One habit of a model at a time: results that differ in it, held against one of them, in a table and in sentences."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, pairwise
from typing import Literal

import numpy as np

from iai.study.analysis.contrasts import Found, ratio
from iai.study.book import plots
from iai.study.book.notebook import Grid, Markdown, table
from iai.study.jobs.run import experiment
from iai.study.ledger import records
from iai.study.ledger.records import Missing, Summary

Outcome = Literal["lower", "higher", "open", "one seed"]
WORDS = {"mse": "squared error", "error": "error"}


def outcome(found: Found, limit: float = 1.0) -> str:
    """Where a ratio's 95 % interval over seeds lies: "lower", "higher", or "open" with the limit inside; else why none.

    One seed has no interval, and decides nothing: "one seed".
    """
    if isinstance(found, Missing):
        return str(found)
    if len(found.values) < 2:
        return "one seed"
    low, high = found.interval
    decided: Outcome = "lower" if high < limit else "higher" if low > limit else "open"
    return decided


def factor(found: Found) -> str:
    """A ratio and its 95 % interval in words."""
    if isinstance(found, Missing):
        return str(found)
    low, high = found.interval
    return f"{found.mean:.2f}" + ("" if math.isnan(low) else f"\u00a0[{low:.2f},\u00a0{high:.2f}]")


def verdict(found: Found) -> str:
    """The outcome of a ratio, the ratio and its interval in words."""
    return str(found) if isinstance(found, Missing) else f"**{outcome(found)}**, {factor(found)}"


def reading(found: Found, lower: str, higher: str, undecided: str) -> Markdown:
    """The one of three texts, written beforehand, that the outcome of a ratio selects."""
    return Markdown(
        {"lower": lower, "higher": higher, "open": undecided}.get(
            outcome(found),
            f"({str(found).capitalize()}.)"
            if isinstance(found, Missing)
            else "(One seed so far, which decides nothing.)",
        )
    )


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Rows, label to `key` or `key|baseline`, of which the first is what the others are held against.

    Compared in `where`, an evaluation set and a metric as `set:metric`, after `at` steps (of each label, if they
    differ). Rows `beside` are shown and not compared.
    """

    title: str
    rows: Mapping[str, str]
    where: str
    at: int | Mapping[str, int]
    profile: str
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The label of the first row."""
        return next(iter(self.rows))

    @property
    def others(self) -> list[str]:
        """The labels of all other rows."""
        return list(self.rows)[1:]

    @property
    def measure(self) -> str:
        """What is compared, in words."""
        metric = self.where.split(":")[1]
        after = f" after {self.at} step{'s' * (self.at != 1)}" if isinstance(self.at, int) else ""
        return WORDS.get(metric, metric) + after

    def series(self) -> dict[str, plots.Series]:
        """The curve of every row over k = 0, 1, ... steps."""
        return self._curves(self.rows)

    def baselines(self) -> dict[str, plots.Series]:
        """The curve of every row beside them."""
        return self._curves(self.beside)

    def result(self, label: str, k: int | None = None) -> Found:
        """A row after k steps, or after those that it is compared at."""
        at = self.at if isinstance(self.at, int) else self.at.get(label, 0)
        row = self.rows[label] if label in self.rows else self.beside[label]
        key, _, baseline = row.partition("|")
        evaluation, metric = self.where.split(":")
        experiment(key, self.profile)
        return records.summary(key, self.profile, evaluation, metric, at if k is None else k, baseline or None)

    def ratio(self, label: str, over: str | None = None) -> Found:
        """A row over the reference, or over another row, seed by seed."""
        return ratio(self.result(label), self.result(over or self.reference))

    def moved(self, label: str, after: int, before: int) -> Found:
        """A row after some steps over itself after fewer, seed by seed."""
        return ratio(self.result(label, after), self.result(label, before))

    def rising(self) -> str:
        """Whether every row is above the one before it: "holds", "fails" (one is below), "open" or "pending"."""
        found = [outcome(self.ratio(after, before)) for before, after in pairwise(self.rows)]
        found = ["open" if said == "one seed" else said for said in found]
        if not {*found} <= {"lower", "higher", "open"}:
            return "pending"
        return "fails" if "lower" in found else "open" if "open" in found else "holds"

    def sentence(self) -> str:
        """What the comparisons say, label by label, with the outcomes in bold."""
        sides: dict[str, list[str]] = {}
        for label in self.others:
            sides.setdefault(outcome(self.ratio(label)), []).append(label)
        said = "; ".join(
            f"**{side}** {' and '.join(labels) if len(labels) < 3 else ', '.join(labels)}"
            for side, labels in sides.items()
        )
        pending = {*sides} == {"pending"}
        return f"*{self.title}*, {self.measure}, against {self.reference}: {'all pending' if pending else said}"

    def _curves(self, rows: Mapping[str, str]) -> dict[str, plots.Series]:
        found: dict[str, plots.Series] = {}
        for label, row in rows.items():
            key, _, baseline = row.partition("|")
            evaluation, metric = self.where.split(":")
            experiment(key, self.profile)
            found[label] = records.curve(key, self.profile, evaluation, metric, baseline or None)
        return found


def compared(
    contrasts: Sequence[Contrast], steps: Sequence[int], caption: str, name: str, spec: str = ".3f"
) -> Markdown:
    """A table of contrasts: results after some steps, and where one is compared its outcome, ratio and interval."""
    rows: dict[str, Sequence[Summary | Missing | str]] = {}
    for one in contrasts:
        for label in (*one.rows, *one.beside):
            cells = [one.result(label, k) for k in steps] or [one.result(label)]
            held = one.ratio(label) if label in one.others else None
            rows[f"{one.title}: {label}"] = (*cells, "–" if held is None else verdict(held))
    named = [f"{k} step{'s' * (k != 1)}" for k in steps] or ["after all data"]
    header = ("", *named, "against the first")
    return table(Grid(header=header, rows=rows), caption, name, spec)


def verdicts(contrasts: Iterable[Contrast]) -> Markdown:
    """All comparisons in sentences, one line a contrast; one line in all while nothing is known."""
    lines = [one.sentence() for one in contrasts]
    if all(line.endswith("all pending") for line in lines):
        return Markdown("(Pending: these comparisons.)")
    return Markdown("\n".join(f"- {line}." for line in lines))


def tally(contrasts: Sequence[Contrast]) -> dict[str, list[str]]:
    """What was compared, by outcome; all that is missing under "pending"."""
    found: dict[str, list[str]] = {"lower": [], "higher": [], "open": [], "one seed": [], "pending": []}
    for one in contrasts:
        for label in one.others:
            said = outcome(one.ratio(label))
            found[said if said in found else "pending"].append(f"{one.title}: {label}")
    return found


def forest(ax: plots.Axes, contrasts: Sequence[Contrast]) -> None:
    """A line a contrast: the ratios to its reference with their 95 % intervals, filled where one is left out."""
    for height, one in enumerate(contrasts):
        found = [held for label in one.others if isinstance(held := one.ratio(label), Summary)]
        for place, point in enumerate(found):
            at = height + 0.7 * ((place + 0.5) / len(found) - 0.5)
            low, high = (max(bound, point.mean / 10) for bound in point.interval)
            decided = outcome(point) in ("lower", "higher")
            colour = plots.COLOURS[1 if point.mean > 1 else 2] if decided else plots.INK
            ax.plot([low, high], [at, at], color=colour, linewidth=1.2)
            ax.plot(point.mean, at, "o", color=colour, fillstyle="full" if decided else "none", markersize=3.5)
    ax.axvline(1.0, color=plots.INK, linewidth=0.8)
    ax.set_yticks(range(len(contrasts)), [one.title for one in contrasts], fontsize=8)
    ax.set(ylim=(len(contrasts) - 0.5, -0.5), xlabel="ratio to the reference")
    plots.log_scale(ax, "x")


def against(
    ax: plots.Axes,
    series: Mapping[str, Mapping[float, Found]],
    labels: tuple[str, str],
    *,
    grey: Iterable[str] = (),
    logarithmic: bool = True,
) -> None:
    """Results against a number on a logarithmic axis, with 95 % intervals; those named in `grey` as baselines."""
    looks, dashes = cycle(zip(plots.COLOURS, plots.MARKERS)), cycle(plots.DASHES)
    for name, points in series.items():
        colour, marker = (plots.INK, "") if name in grey else next(looks)
        known = {x: one for x, one in points.items() if isinstance(one, Summary)}
        if not known:
            missing = next((one for one in points.values() if isinstance(one, Missing)), Missing(reason="none"))
            plots.pending(ax, name, missing, colour)
            continue
        mean = np.array([one.mean for one in known.values()])
        bounds = np.nan_to_num(np.array([one.interval for one in known.values()]).T, nan=0.0)
        bars = np.abs(np.where(bounds == 0.0, mean, np.maximum(bounds, 0.1 * mean)) - mean)
        style = {"linestyle": next(dashes), "linewidth": 1.4} if name in grey else {"marker": marker}
        ax.errorbar(list(known), mean, yerr=None if name in grey else bars, color=colour, label=name, **style)
    numbers = sorted({x for points in series.values() for x in points})
    plots.finish(ax, *labels, logarithmic=logarithmic)
    ax.set_xscale("log", base=2)
    ax.set_xticks(numbers, [f"{x:,g}" for x in numbers])
    ax.minorticks_off()


def parts(points: Sequence[Summary] | Missing, at: Sequence[int]) -> dict[float, Found]:
    """The entries `at` of a curve, each under its number."""
    if isinstance(points, Missing):
        return dict.fromkeys(map(float, at), points)
    return {float(k): points[k] for k in at}
