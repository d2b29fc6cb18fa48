"""Rows that differ in one respect, compared with one of them: a table, sentences and plots of their ratios."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, pairwise

import numpy as np

from iai.study.analysis.contrasts import ratio
from iai.study.book import plots
from iai.study.book.notebook import Cell, Grid, Markdown, table
from iai.study.ledger import records
from iai.study.ledger.statistics import Found, Missing, Summary
from iai.study.registry import experiment

WORDS = {"mse": "squared error", "error": "error"}


def outcome(found: Found, limit: float = 1.0) -> str:
    """Whether the 95 % interval over seeds is "lower" or "higher" than a limit, or "open" with the limit inside.

    One seed has no interval: "one seed". What is missing is as it prints, such as "pending".
    """
    if isinstance(found, Missing):
        return str(found)
    if len(found.values) < 2:
        return "one seed"
    low, high = found.interval
    return "lower" if high < limit else "higher" if low > limit else "open"


def in_words(found: Found) -> str:
    """The outcome of a ratio in bold, the ratio, and its interval from two seeds on."""
    if isinstance(found, Missing):
        return str(found)
    low, high = found.interval
    interval = "" if math.isnan(low) else f"\u00a0[{low:.2f},\u00a0{high:.2f}]"
    return f"**{outcome(found)}**, {found.mean:.2f}{interval}"


def conclusion(found: Found, lower: str, higher: str, undecided: str) -> Markdown:
    """The text for the outcome of a ratio, of three that were written before it was known."""
    if isinstance(found, Missing):
        return Markdown(f"({str(found).capitalize()}.)")
    alone = "(One seed so far, which decides nothing.)"
    return Markdown({"lower": lower, "higher": higher, "open": undecided, "one seed": alone}[outcome(found)])


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Rows, label to `key` or `key|baseline`, that are compared with the first of them.

    Compared in `where`, an evaluation set and a metric as `set:metric`, after `at` steps (by label, if they differ).
    Rows `beside` are shown and not compared.
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

    def result(self, label: str, k: int | None = None) -> Found:
        """A row after k steps, by default those that it is compared after."""
        if k is None:
            k = self.at if isinstance(self.at, int) else self.at.get(label, 0)
        row, (evaluation, metric) = {**self.rows, **self.beside}[label], self.where.split(":")
        experiment(row.split("|")[0], self.profile)
        return records.summary(row, self.profile, evaluation, metric, k)

    def ratio(self, label: str, over: str | None = None) -> Found:
        """A row over the reference, or over another row, seed by seed."""
        return ratio(self.result(label), self.result(over or self.reference))

    def ratios(self) -> dict[str, Found]:
        """Every other row over the reference, by label."""
        return {label: self.ratio(label) for label in self.rows if label != self.reference}

    def ascending(self) -> str:
        """Whether every row is above the one before it: "holds", "fails" (one is below), "open" or "pending"."""
        found = {outcome(self.ratio(after, before)) for before, after in pairwise(self.rows)}
        if not found <= {"lower", "higher", "open", "one seed"}:
            return "pending"
        return "fails" if "lower" in found else "holds" if found <= {"higher"} else "open"


def contrast_table(
    contrasts: Sequence[Contrast], steps: Sequence[int], caption: str, name: str, spec: str = ".3f"
) -> Markdown:
    """A table of contrasts: results after some steps, and for rows that are compared outcome, ratio and interval."""
    rows: dict[str, Sequence[Cell]] = {}
    for one in contrasts:
        said = {label: in_words(found) for label, found in one.ratios().items()}
        for label in (*one.rows, *one.beside):
            cells = [one.result(label, k) for k in steps] or [one.result(label)]
            rows[f"{one.title}: {label}"] = (*cells, said.get(label, "–"))
    named = [f"{k} step{'s' * (k != 1)}" for k in steps] or ["after all data"]
    return table(Grid(header=("", *named, "against the first"), rows=rows), caption, name, spec)


def sentences(contrasts: Iterable[Contrast]) -> Markdown:
    """The outcomes of contrasts, one line each; a single line if all are pending."""
    lines = []
    for one in contrasts:
        sides: dict[str, list[str]] = {}
        for label, found in one.ratios().items():
            sides.setdefault(outcome(found), []).append(label)
        said = [f"**{side}** {(' and ' if len(some) < 3 else ', ').join(some)}" for side, some in sides.items()]
        text = "all pending" if set(sides) == {"pending"} else "; ".join(said)
        metric = one.where.split(":")[1]
        after = f" after {one.at} step{'s' * (one.at != 1)}" if isinstance(one.at, int) else ""
        lines.append(f"- *{one.title}*, {WORDS.get(metric, metric)}{after}, against {one.reference}: {text}.")
    pending = all(line.endswith("all pending.") for line in lines)
    return Markdown("(Pending: these comparisons.)" if pending else "\n".join(lines))


def error_bars(
    ax: plots.Axes,
    series: Mapping[str, Mapping[float, Found]],
    labels: tuple[str, str],
    *,
    grey: Iterable[str] = (),
    logarithmic: bool = True,
) -> None:
    """Results with 95 % intervals against a number on a logarithmic axis; those named in `grey` as baselines."""
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
