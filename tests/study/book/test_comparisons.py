"""Outcomes of comparisons are those of the intervals, seed by seed, and what is missing is never compared."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest
from example_record import KEY, SET, arm
from matplotlib.axes import Axes

from iai.study.analysis import gate
from iai.study.analysis.contrasts import exact, ratio
from iai.study.book import plots
from iai.study.book.comparisons import (
    Contrast,
    conclusion,
    contrast_table,
    error_bars,
    in_words,
    outcome,
    sentences,
    steady,
)
from iai.study.ledger import records
from iai.study.ledger.statistics import Missing, Ratio, Summary
from iai.types import UserError

matplotlib.use("Agg")
NOTHING = Missing(reason="not run")
BETTER = "update/linear-regression/absolute"
WORSE = "split/linear-regression/20"
ABSENT = "steps/linear-regression/5"


def summary(*values: float) -> Summary:
    seeds = tuple(range(len(values)))
    return Summary(values=values, errors=(math.nan,) * len(values), seeds=seeds, profile="small")


def relative(*values: float) -> Ratio | Missing:
    """A ratio with these values at the seeds, which alone decide."""
    found = ratio(summary(*values), replace(exact(1.0), draw=""))
    assert isinstance(found, Ratio | Missing)
    return found


def untestable(found: Ratio | Missing) -> Ratio:
    assert isinstance(found, Ratio)
    return replace(found, untestable="too weak")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference, a row that is always about half of it, and one that is about twice, whatever the budget."""
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path))
    monkeypatch.setattr(gate, "doubled", lambda key: key)
    for seed in range(3):
        records.write(arm(seed=seed, factor=seed + 1))
        records.write(arm(BETTER, seed, (seed + 1) * (0.5, 0.52, 0.48)[seed]))
        records.write(arm(WORSE, seed, (seed + 1) * (2.0, 2.1, 1.9)[seed]))


@pytest.fixture
def ax() -> Iterator[Axes]:
    figure, axes = plots.panels()
    yield axes[0]
    plt.close(figure)


def contrast(**rows: str) -> Contrast:
    return Contrast(title="habit", rows={"base": KEY} | rows, where=f"{SET}:mse", at=10, profile="small")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (relative(0.9, 0.91, 0.89), "lower"),
        (relative(1.1, 1.11, 1.09), "higher"),
        (relative(0.9, 1.0, 1.1), "open"),
        (relative(0.999, 1.001, 1.0), "equal"),
        (relative(0.5), "one seed"),
        (untestable(relative(0.9, 0.91, 0.89)), "not testable"),
        (untestable(relative(0.5)), "one seed"),
        (NOTHING, "pending"),
        (Missing(reason="diverged", shown="not finite"), "not finite"),
    ],
)
def test_an_outcome_is_where_the_whole_interval_lies(found: Ratio | Missing, said: str) -> None:
    assert outcome(found) == said


def test_words_of_a_ratio() -> None:
    assert in_words(relative(0.5)) == "**one seed**, 0.50"
    assert in_words(NOTHING) == "pending"
    open_ = relative(0.9, 1.0, 1.1)
    assert in_words(open_) == "**open**, 1.00\u00a0[0.78,\u00a01.28]"
    assert in_words(untestable(open_)) == "**not testable** (too weak), 1.00\u00a0[0.78,\u00a01.28]"
    said = ("less", "more", "who knows")
    assert str(conclusion(relative(0.9, 0.91, 0.89), *said)) == "less"
    assert str(conclusion(relative(1.0, 1.1, 0.9), *said)) == "who knows"
    assert str(conclusion(relative(0.999, 1.001, 1.0), *said)) == "who knows"
    assert str(conclusion(untestable(open_), *said)) == "(Not testable: too weak.)"
    assert str(conclusion(NOTHING, *said)) == "(Pending.)"


@pytest.mark.usefixtures("ledger")
def test_a_contrast_goes_through_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    one = contrast(better=BETTER)
    assert outcome(one.ratio("better")) == "lower"
    far = replace(one, at=20)
    assert outcome(far.ratio("better")) == "not testable" and far.ascending() == "not testable"
    assert outcome(replace(far, beyond=True).ratio("better")) == "lower"
    monkeypatch.setattr(gate, "doubled", lambda key: None)
    assert "no doubled budget yet" in in_words(one.ratio("better"))
    assert outcome(replace(one, fixed_budget=True).ratio("better")) == "lower"
    assert str(sentences([one])).endswith("**not testable** better.")


def test_ratios_at_several_budgets_are_steady_or_not() -> None:
    below, above, near = relative(0.5, 0.51, 0.52), relative(2.0, 2.1, 2.2), relative(1.0, 1.001, 1.002)
    unsure, single = relative(0.4, 1.5, 1.1), relative(0.9)
    assert steady([below, single]) == "stable" and steady([above, above]) == "stable"
    assert steady([below, above]) == steady([above, single, below]) == "turns"
    assert steady([near, near]) == "equal"
    assert steady([above, single]) == steady([single]) == steady([near, below]) == "open"
    assert steady([below, unsure]) == "stable" and steady([above, unsure]) == "open"
    assert steady([below, NOTHING]) == "pending" and steady([untestable(below), above]) == "not testable"


@pytest.mark.usefixtures("ledger")
def test_spread_that_rows_share_does_not_hide_a_difference() -> None:
    one = contrast(better=BETTER, worse=WORSE, absent=ABSENT)
    reference, better = one.result("base"), one.result("better")
    assert isinstance(reference, Summary) and isinstance(better, Summary)
    assert better.interval[0] < reference.mean < better.interval[1], "alone, their intervals overlap"
    outcomes = {label: outcome(found) for label, found in one.ratios().items()}
    assert outcomes == {"better": "lower", "worse": "higher", "absent": "pending"}
    assert str(sentences([one])) == (
        "- *habit*, squared error after 10 steps, against base: **lower** better; **higher** worse; **pending** absent."
    )


@pytest.mark.usefixtures("ledger")
def test_rows_may_be_compared_after_different_numbers_of_steps() -> None:
    one = Contrast(title="same", rows={"a": KEY, "b": KEY}, where=f"{SET}:mse", at={"a": 1, "b": 3}, profile="small")
    found = one.ratio("b")
    assert isinstance(found, Summary)
    assert found.values == pytest.approx((0.5, 0.5, 0.5))
    assert str(sentences([one])).startswith("- *same*, squared error, against a: ")


@pytest.mark.usefixtures("ledger")
def test_an_order_holds_if_all_neighbours_are_apart() -> None:
    in_order = Contrast(title="", rows={"a": BETTER, "b": KEY, "c": WORSE}, where=f"{SET}:mse", at=5, profile="small")
    assert in_order.ascending() == "holds"
    assert contrast(worse=WORSE, better=BETTER).ascending() == "fails"
    assert contrast(same=KEY).ascending() == "open"
    assert contrast(worse=WORSE, absent=ABSENT).ascending() == "pending"


@pytest.mark.usefixtures("ledger")
def test_a_table_has_results_ratios_and_outcomes() -> None:
    one = Contrast(
        title="habit",
        rows={"base": KEY, "better": BETTER, "absent": ABSENT},
        where=f"{SET}:mse",
        at=5,
        profile="small",
        beside={"ridge": f"{KEY}|ridge"},
    )
    lines = str(contrast_table([one], (1, 5), "Errors.", "tab-x")).splitlines()
    assert lines[0].startswith(":::{table} Errors. Intervals of ratios are over seeds. (Profile `small`; seeds 0, 1, 2")
    assert lines[3] == "|  | 1 step | 5 steps | against the first |"
    assert lines[5].endswith("| – |") and "habit: base" in lines[5]
    assert lines[6].endswith("| **lower**, 0.50\u00a0[0.45,\u00a00.55] |")
    assert lines[7] == "| habit: absent | pending | pending | pending |"
    assert lines[8].startswith("| habit: ridge | 0.500") and lines[8].endswith("| – |")
    assert "| habit: better | 0.166" in str(contrast_table([one], (), "Errors.", "tab-x"))


@pytest.mark.usefixtures("ledger")
def test_sentences_are_one_line_while_nothing_is_known() -> None:
    assert str(sentences([contrast(absent=ABSENT)])) == "(Pending: these comparisons.)"
    both = str(sentences([contrast(absent=ABSENT), contrast(better=BETTER)])).splitlines()
    assert both[0].endswith("all pending.") and both[1].endswith("**lower** better.")


@pytest.mark.usefixtures("ledger")
def test_an_unknown_key_is_an_error_and_not_pending() -> None:
    with pytest.raises(UserError, match="unknown key"):
        contrast(typo="update/linear-regression/absolut").ratio("typo")


def test_results_stand_at_their_numbers_and_pending_ones_in_the_legend(ax: Axes) -> None:
    known = {2.0: summary(1.0, 1.1, 0.9), 8.0: NOTHING, 32.0: summary(0.2, 0.25, 0.15)}
    error_bars(ax, {"learned": known, "later": {2.0: NOTHING}, "ridge": known}, ("d", "mse"), grey=("ridge",))
    names = ax.get_legend_handles_labels()[1]
    assert set(names) == {"learned", "later (pending)", "ridge"}
    (learned, _) = ax.containers
    assert list(learned.lines[0].get_xdata()) == [2.0, 32.0]
    bars = learned.lines[2][0].get_segments()
    assert bars[0][:, 1] == pytest.approx(summary(1.0, 1.1, 0.9).interval)
