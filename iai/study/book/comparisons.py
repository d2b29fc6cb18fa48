"""Rows that differ in one respect, compared with one of them: a table, sentences and plots of their ratios."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, pairwise

import numpy as np

from iai.study.analysis.contrasts import side
from iai.study.analysis.gate import compared
from iai.study.book import plots
from iai.study.book.notebook import Cell, Grid, Markdown, provenance, table
from iai.study.ledger import records
from iai.study.ledger.statistics import Found, Missing, Ratio, Summary
from iai.study.registry import experiment

WORDS = {"mse": "squared error", "error": "error"}


def outcome(found: Found) -> str:
    """Whether a ratio is "lower" or "higher" than 1, "equal" within the margin, or "open", by its 95 % interval.

    "one seed" decides nothing, and neither does what is "not testable". What is missing is as it prints.
    """
    if not isinstance(found, Ratio):
        return str(found)
    if len(found.values) < 2 and not found.deterministic:
        return "one seed"
    return "not testable" if found.untestable else side(found)


def in_words(found: Found) -> str:
    """The outcome of a ratio in bold, with the reason if it is not testable, the ratio and its interval."""
    if not isinstance(found, Ratio):
        return str(found)
    (low, high), said = found.interval, outcome(found)
    reason = f" ({found.untestable})" if said == "not testable" else ""
    known = said != "one seed" and not math.isnan(low)
    return f"**{said}**{reason}, {found.mean:.2f}" + f"\u00a0[{low:.2f},\u00a0{high:.2f}]" * known


def conclusion(found: Found, lower: str, higher: str, undecided: str) -> Markdown:
    """The text for the outcome of a ratio, of three that were written before it was known."""
    if not isinstance(found, Ratio):
        return Markdown(f"({str(found).capitalize()}.)")
    said = {"lower": lower, "higher": higher, "open": undecided, "equal": undecided}
    said["one seed"] = "(One seed so far, which decides nothing.)"
    return Markdown(said.get(outcome(found), f"(Not testable: {found.untestable}.)"))


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Rows, label to `key` or `key|baseline`, that are compared with the first of them.

    Compared in `where`, an evaluation set and a metric as `set:metric`, after `at` steps (by label, if they differ).
    Rows `beside` are shown and not compared. A contrast about steps `beyond` those of training says so, and one about
    trainings of a `fixed_budget`, which a doubled budget need not confirm.
    """

    title: str
    rows: Mapping[str, str]
    where: str
    at: int | Mapping[str, int]
    profile: str
    beside: Mapping[str, str] = field(default_factory=dict)
    beyond: bool = False
    fixed_budget: bool = False

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
        """A row over the reference, or over another row, if the gate lets it be compared."""
        first, second = self.result(label), self.result(over or self.reference)
        return compared(first, second, limit=None if self.fixed_budget else 1.0, beyond=self.beyond)

    def ratios(self) -> dict[str, Found]:
        """Every other row over the reference, by label."""
        return {label: self.ratio(label) for label in self.rows if label != self.reference}

    def ascending(self) -> str:
        """Whether every row is above the one before: "holds", "fails", "open", "not testable" or "pending".

        It fails if one is below, or equal within the margin.
        """
        found = {outcome(self.ratio(after, before)) for before, after in pairwise(self.rows)}
        if not found <= {"lower", "higher", "equal", "open", "one seed", "not testable"}:
            return "pending"
        if "not testable" in found:
            return "not testable"
        return "fails" if found & {"lower", "equal"} else "holds" if found <= {"higher"} else "open"


def steady(ratios: Sequence[Found]) -> str:
    """What ratios at several budgets say together.

    "stable" if all are on one side of 1, some decidedly; "turns" if two are decidedly on different sides; "equal" if
    all are within the margin, as far as they decide; else "open", "pending" or "not testable".
    """
    known = [one for one in ratios if isinstance(one, Ratio)]
    said = {outcome(one) for one in known} - {"one seed"}
    if len(known) < len(ratios) or "not testable" in said:
        return "pending" if len(known) < len(ratios) else "not testable"
    if {"lower", "higher"} <= said:
        return "turns"
    one_side = len({one.mean > 1 for one in known}) == 1
    return "equal" if said == {"equal"} else "stable" if one_side and said & {"lower", "higher"} else "open"


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
    found = [found for one in contrasts for found in one.ratios().values() if isinstance(found, Ratio)]
    caption += f" Intervals of ratios are over {' or '.join(sorted({one.source for one in found}))}." * bool(found)
    return table(Grid(header=("", *named, "against the first"), rows=rows), caption, name, spec)


def ratio_table(contrasts: Sequence[Contrast], label: str, others: Sequence[str], caption: str, name: str) -> Markdown:
    """A table of one row's ratios to others, a line a contrast."""
    rows = {one.title: tuple(in_words(one.ratio(label, other)) for other in others) for one in contrasts}
    source = provenance([one.result(each) for one in contrasts for each in (label, *others)])
    header = ("", *(f"{label} over {other}" for other in others))
    return table(Grid(header=header, rows=rows), f"{caption} Ratios, with 95 % intervals.", name, source=source)


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
