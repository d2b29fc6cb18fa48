"""Intervals of ratios cover at their nominal rate, whatever dominates: seeds, tasks, or their interaction."""

import math

import numpy as np
import pytest

from iai.study.analysis.contrasts import exact, ratio, side
from iai.study.ledger.statistics import Ratio, Summary, over, two_level

RATIO = 0.9
EFFECTS = {"seeds": (0.1, 0.0, 0.3), "tasks": (0.005, 0.6, 0.3), "both": (0.05, 0.3, 0.3)}
"""Standard deviations over seeds, over tasks and over both of the logarithm of an error."""


def arm(errors: np.ndarray, draw: str = "one", keep: bool = True, deterministic: bool = False) -> Summary:
    """A result of errors `seeds tasks`."""
    return Summary(
        values=tuple(errors.mean(1)),
        errors=tuple(errors.std(1, ddof=1) / errors.shape[1] ** 0.5),
        seeds=tuple(range(len(errors))),
        profile="small",
        deterministic=deterministic,
        tasks=tuple(map(tuple, errors)) if keep else (),
        draw=draw,
    )


def pair(
    draws: np.random.Generator, seeds: int, effects: tuple[float, float, float], paired: bool, tasks: int = 96
) -> tuple[np.ndarray, np.ndarray]:
    """Errors of two arms whose expected errors have the ratio `RATIO`, on tasks that differ in difficulty."""
    difficulty = 0.5 * draws.standard_normal((2, 1, tasks))
    difficulty[1] = difficulty[0] if paired else difficulty[1]
    of_seeds, of_tasks, of_both = effects
    noise = (
        of_seeds * draws.standard_normal((2, seeds, 1))
        + of_tasks * draws.standard_normal((2, 1, tasks))
        + of_both * draws.standard_normal((2, seeds, tasks))
    )
    one, other = np.exp(difficulty + noise)
    return RATIO * one, other


def coverage(seeds: int, effects: tuple[float, float, float], paired: bool, keep: bool = True, n: int = 1000) -> float:
    """The share of intervals that have the true ratio inside."""
    draws, inside = np.random.default_rng(7), 0
    for _ in range(n):
        one, other = pair(draws, seeds, effects, paired)
        low, high = ratio(arm(one, "one", keep), arm(other, "one" if paired else "other", keep)).interval
        inside += low <= RATIO <= high
    return inside / n


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("seeds", [3, 6])
@pytest.mark.parametrize("dominant", EFFECTS)
def test_an_interval_of_95_per_cent_covers_at_that_rate(dominant: str, seeds: int, paired: bool) -> None:
    assert 0.92 <= coverage(seeds, EFFECTS[dominant], paired) <= 0.985


def test_without_single_tasks_only_draws_that_differ_are_covered() -> None:
    """What a record does not keep cannot be in its interval: seeds share their tasks, and agree on them."""
    assert coverage(6, EFFECTS["tasks"], paired=True, keep=False) < 0.6
    assert coverage(6, EFFECTS["tasks"], paired=False, keep=False) > 0.92


def test_equal_laws_on_different_draws_are_not_told_apart() -> None:
    """The same model on two draws of the same tasks, which three seeds alone call different."""
    draws, apart, alone = np.random.default_rng(0), 0, 0
    for _ in range(300):
        one, other = pair(draws, 3, (0.002, 0.0, 0.02), paired=False)
        apart += side(ratio(arm(one / RATIO, "seen"), arm(other, "new"))) in ("lower", "higher")
        alone += side(ratio(arm(one / RATIO, "", keep=False), arm(other, "", keep=False))) in ("lower", "higher")
    assert apart / 300 < 0.08 and alone / 300 > 0.5


def test_the_laws_of_a_large_pool_are_no_worse_than_new_ones() -> None:
    """65,536 laws against new ones once read "higher 1.02 [1.01, 1.04]": draws differ, and so their errors enter."""
    seen = Summary(values=(0.281, 0.279, 0.280), errors=(0.007,) * 3, seeds=(0, 1, 2), profile="small", draw="seen")
    new = Summary(values=(0.275, 0.274, 0.2735), errors=(0.007,) * 3, seeds=(0, 1, 2), profile="small", draw="new")
    found = ratio(seen, new)
    low, high = found.interval
    assert found.mean == pytest.approx(1.02, abs=0.005) and low < 1 < high and side(found) == "open"
    assert found.source == "seeds and tasks"
    low, high = ratio(seen, Summary(**{**vars(new), "draw": "seen"})).interval
    assert low > 1, "on the same tasks it would be a difference"


def test_an_interval_of_a_ratio_is_never_negative() -> None:
    """Three seeds that differ threefold: the interval of the raw ratio went below zero."""
    wild, level = (
        Summary(values=v, errors=(0.1,) * 3, seeds=(0, 1, 2), profile="small")
        for v in ((1.0, 3.0, 9.0), (1.0, 1.0, 1.0))
    )
    found = ratio(wild, level)
    low, high = found.interval
    assert found.mean == pytest.approx(3.0) and 0 < low < 3 < high and low * high == pytest.approx(9.0)


def test_variance_is_of_seeds_and_tasks_less_their_interaction() -> None:
    draws = np.random.default_rng(1)
    block = (
        1
        + draws.standard_normal((4, 1)) * 0
        + 0.1 * draws.standard_normal((1, 50))
        + 0.2 * draws.standard_normal((4, 50))
    )
    logs = np.log([1.0, 1.1, 0.9, 1.05]).tolist()
    error, degrees = two_level(logs, [block])
    seeds, tasks = np.var(logs, ddof=1) / 4, np.var(block.mean(0), ddof=1) / 50
    rest = block - block.mean(0) - block.mean(1, keepdims=True) + block.mean()
    shared = (rest**2).sum() / (3 * 49) / 200
    assert error**2 == pytest.approx(seeds + tasks - shared)
    assert degrees == pytest.approx(error**4 / (seeds**2 / 3 + tasks**2 / 49))


def test_a_baseline_without_seeds_is_paired_by_task() -> None:
    draws = np.random.default_rng(2)
    one, other = pair(draws, 3, EFFECTS["both"], paired=True)
    fixed = arm(other[:1], deterministic=True)
    found = ratio(arm(one), fixed)
    assert isinstance(found, Ratio) and found.source == "seeds and tasks" and not found.deterministic
    both = ratio(arm(one[:1], deterministic=True), fixed)
    paired = (one[0] / one[0].mean() - other[0] / other[0].mean()).std(ddof=1) / 96**0.5
    assert isinstance(both, Ratio) and both.source == "tasks" and both.error == pytest.approx(paired)
    assert both.degrees == pytest.approx(95)


def test_a_known_number_has_no_error_of_its_own() -> None:
    one, _ = pair(np.random.default_rng(3), 3, EFFECTS["both"], paired=True)
    level, again = ratio(arm(one), exact(0.5)), ratio(arm(one), exact(1.0))
    assert isinstance(level, Ratio) and isinstance(again, Ratio)
    assert level.error == again.error > 0 and level.mean == pytest.approx(2 * again.mean)


def test_p_values_are_those_of_the_interval() -> None:
    found = Ratio(values=(0.9,), errors=(0.1,), seeds=(0,), profile="small", error=0.02, degrees=7.0, scope="seeds")
    low, high = found.interval
    assert found.p_below(high) == pytest.approx(0.025) and found.p_above(low) == pytest.approx(0.025)
    assert found.p_below(0.9) == found.p_above(0.9) == pytest.approx(0.5)
    assert found.p_equal(0.9, 1.05) == pytest.approx(found.p_below(0.9 * 1.05)) and found.p_equal() > 0.9
    same = Ratio(values=(1.0,), errors=(0.1,), seeds=(0,), profile="small", error=0.0, degrees=math.inf, scope="seeds")
    assert side(same) == "equal" and same.interval == (1.0, 1.0)


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [(0.9, 0.02, "lower"), (1.1, 0.02, "higher"), (1.01, 0.01, "equal"), (1.01, 0.05, "open"), (1.04, 0.001, "higher")],
)
def test_a_side_is_lower_higher_equal_or_open(value: float, error: float, said: str) -> None:
    one = Ratio(values=(value,), errors=(0.1,), seeds=(0,), profile="small", error=error, degrees=10.0, scope="seeds")
    assert side(one) == said


def test_what_a_spread_is_over_is_said_once() -> None:
    one = Summary(values=(1.0, 2.0), errors=(0.1, 0.1), seeds=(0, 1), profile="small")
    both = Ratio(
        values=(1.0, 1.2),
        errors=(0.1,) * 2,
        seeds=(0, 1),
        profile="small",
        error=0.1,
        degrees=1.0,
        scope="seeds and tasks",
    )
    alone = Summary(values=(1.0,), errors=(0.1,), seeds=(0,), profile="small")
    assert over([one, both]) == "seeds or seeds and tasks" and over([both, alone]) == "seeds and tasks, † over tasks"
