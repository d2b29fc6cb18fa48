"""Contrasts of results: seed by seed, and missing where a part is missing."""

import math
from statistics import stdev

import pytest

from iai.study.analysis.contrasts import (
    at_most,
    best,
    change,
    difference,
    leaders,
    leaders_in_words,
    ratio,
    scaled,
)
from iai.study.ledger.statistics import Missing, Ratio, Summary

NOTHING = Missing(reason="not run")


def summary(values: tuple[float, ...], seeds: tuple[int, ...] | None = None, deterministic: bool = False) -> Summary:
    where = {"seeds": seeds or tuple(range(len(values))), "profile": "small", "commits": ("abc",)}
    return Summary(values=values, errors=(0.5,) * len(values), deterministic=deterministic, **where)


def test_a_spread_shared_by_both_rows_cancels() -> None:
    found = difference(summary((1.0, 2.0, 4.0)), summary((0.5, 1.5, 3.5)))
    assert isinstance(found, Summary)
    assert found.values == (0.5, 0.5, 0.5)
    assert math.isnan(found.within)


def test_rows_are_paired_by_seed_and_not_by_place() -> None:
    found = ratio(summary((1.0, 2.0), (0, 1)), summary((8.0, 2.0, 4.0), (1, 0, 2)))
    assert isinstance(found, Summary)
    assert (found.seeds, found.values) == ((0, 1), (0.5, 0.25))


def test_change_is_ratio_less_one_and_scaled_keeps_relative_errors() -> None:
    found = change(summary((3.0,)), summary((4.0,)))
    assert isinstance(found, Ratio)
    assert (found.mean, found.values) == (-0.25, (-0.25,))
    whole = ratio(summary((3.0,)), summary((4.0,)))
    assert isinstance(whole, Ratio) and found.interval == pytest.approx([end - 1 for end in whole.interval])
    half = scaled(summary((3.0, 5.0)), 0.5)
    assert isinstance(half, Summary)
    assert (half.mean, half.errors) == (2.0, (0.25, 0.25))


def test_what_is_missing_stays_missing() -> None:
    there = summary((1.0, 2.0))
    assert difference(there, NOTHING) is NOTHING
    assert ratio(NOTHING, there) is NOTHING
    assert scaled(NOTHING, 2.0) is NOTHING
    assert isinstance(difference(there, summary((1.0,), (7,))), Missing)
    assert best({"a": there, "b": NOTHING}) is None
    assert best({"a": there, "b": summary((0.5, 0.5))}) == "b"


def test_a_limit_is_kept_or_not_seed_by_seed() -> None:
    assert at_most(summary((0.1, 0.2, 0.3)), 0.2) == "2 of 3 seeds"
    assert at_most(NOTHING, 0.2) == "pending"


def test_interval_of_equal_values_is_not_a_point() -> None:
    low, high = summary((2.0, 2.0, 2.0)).interval
    assert (low, high) == pytest.approx((2 - 0.98, 2 + 0.98))


def test_an_interval_is_of_pairs_where_seeds_say_something() -> None:
    logs = [math.log(value) for value in (1.0 / 0.9, 2.0 / 1.8, 4.0 / 3.7)]
    found = ratio(summary((1.0, 2.0, 4.0)), summary((0.9, 1.8, 3.7)))
    assert isinstance(found, Ratio) and found.source == "seeds"
    middle, half = sum(logs) / 3, 4.302653 * stdev(logs) / 3**0.5
    assert found.interval == pytest.approx((math.exp(middle - half), math.exp(middle + half)))


@pytest.mark.parametrize("deterministic", [True, False])
def test_an_interval_is_over_tasks_where_seeds_say_nothing(deterministic: bool) -> None:
    found = ratio(summary((2.0,), None, deterministic), summary((1.0,), None, deterministic))
    assert isinstance(found, Ratio) and found.source == "tasks"
    half = 1.959964 * math.hypot(0.5 / 2, 0.5)
    assert found.interval == pytest.approx((2 * math.exp(-half), 2 * math.exp(half)))


@pytest.mark.parametrize("value", [0.0, -0.1, math.inf])
def test_a_result_without_a_logarithm_has_no_ratio(value: float) -> None:
    found = ratio(summary((1.0, value)), summary((1.0, 1.0)))
    assert isinstance(found, Missing) and str(found) == "–"
    nowhere = ratio(summary((1.0, math.nan)), summary((1.0, 1.0)))
    assert isinstance(nowhere, Ratio) and all(map(math.isnan, (nowhere.mean, *nowhere.interval))), "a gap of a curve"


def test_a_leader_is_alone_only_if_no_other_may_be_as_good() -> None:
    rows = {
        "noisy": summary((1.0, 1.1, 1.6)),
        "best": summary((1.0, 1.0, 1.1)),
        "behind": summary((1.3, 1.3, 1.4)),
        "pending": NOTHING,
    }
    assert best(rows, skip_missing=True) == "best" and best({"pending": NOTHING}, skip_missing=True) is None
    assert leaders(rows) == ("best", "noisy")
    assert leaders({"behind": rows["behind"], "best": rows["best"]}) == ("best",)
    assert leaders_in_words(rows) == "best; noisy level (1 pending)"
    assert leaders_in_words(rows, names=1) == "best and 1 more level (1 pending)"
    assert leaders_in_words({"behind": rows["behind"], "best": rows["best"]}) == "best"
    assert leaders_in_words({"pending": NOTHING}) == leaders_in_words({}) == "pending"
    assert leaders_in_words({"far": Missing(reason="", shown="not finite")}) == "–"


def test_a_deterministic_learner_is_paired_with_all_seeds_of_another() -> None:
    trained, constant = summary((1.0, 1.01, 0.99)), summary((0.7,), (5,), deterministic=True)
    assert leaders({"trained": trained, "constant": constant}) == ("constant",)
    assert leaders({"trained": trained, "one run": summary((0.7,), (5,))}) == ("one run", "trained")  # over tasks
    found = difference(constant, trained)
    assert isinstance(found, Summary) and isinstance(trained, Summary)
    assert (found.seeds, found.deterministic) == ((0, 1, 2), False)
    both = ratio(constant, summary((1.4, 1.4), deterministic=True))
    assert isinstance(both, Summary) and both.deterministic and set(both.values) == {0.5}
