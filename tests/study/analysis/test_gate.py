"""The one check of all comparisons: what fails it is not testable, and says why."""

from pathlib import Path

import pytest
from example_record import KEY, SET, arm, record

from iai.study.analysis import gate
from iai.study.analysis.gate import compared
from iai.study.ledger import records
from iai.study.ledger.statistics import Arm, Found, Missing, Ratio, Summary
from iai.study.registry import EXPERIMENTS, experiment

OTHER = "table2/linear-regression/grad"


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path))
    for key in (KEY, OTHER):
        monkeypatch.setitem(EXPERIMENTS, f"doubled/{key}", EXPERIMENTS[key])
    return tmp_path


def write(key: str, *factors: float, tasks: int = 0) -> None:
    for seed, factor in enumerate(factors):
        records.write(arm(key, seed, factor, tasks))


def at(row: str, k: int = 10) -> Summary | Missing:
    return records.summary(row, "small", SET, "mse", k)


def reason(first: str = KEY, second: str = OTHER, k: int = 10, **how: bool | None) -> str:
    found = compared(at(first, k), at(second, k), **how)
    assert isinstance(found, Ratio)
    return found.untestable


def test_two_trained_models_that_keep_their_order_are_compared() -> None:
    write(KEY, 0.50, 0.51, 0.52)
    write(OTHER, 1.0, 1.0, 1.0)
    write(f"doubled/{KEY}", 0.4, 0.4)
    write(f"doubled/{OTHER}", 0.9, 0.9)
    assert reason() == ""
    write(f"doubled/{OTHER}", 0.3, 0.3)
    assert reason() == "a doubled budget is on the other side of 1"
    found = compared(at(KEY), at(OTHER), limit=0.6)
    assert isinstance(found, Ratio) and found.untestable, "0.51 is below 0.6, and 1.33 is not"
    assert reason(limit=None) == ""


def test_equality_asks_for_a_doubled_budget_where_more_training_may_lead_to_it() -> None:
    """The ratio is 0.51, and 1.33 with the doubled budget."""
    write(KEY, 0.50, 0.51, 0.52)
    write(OTHER, 1.0, 1.0, 1.0)
    write(f"doubled/{KEY}", 0.4, 0.4)
    write(f"doubled/{OTHER}", 0.3, 0.3)

    def fails(first: Found, second: Found, low: float, high: float) -> bool:
        found = compared(first, second, within=(low, high))
        assert isinstance(found, Ratio)
        return bool(found.untestable)

    assert not fails(at(KEY), at(OTHER), 0.4, 0.6), "within"
    assert fails(at(KEY), at(OTHER), 0.6, 0.7), "below, and both are trained"
    assert not fails(at(KEY), at(f"{KEY}|mean"), 0.6, 0.7), "below what is not trained"
    assert fails(at(OTHER), at(KEY), 1.5, 1.6), "above"


def test_a_doubled_budget_is_asked_for_and_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    write(KEY, 0.50, 0.51, 0.52)
    write(OTHER, 1.0, 1.0, 1.0)
    assert reason() == "no doubled budget yet"
    assert gate.doubled(KEY) == f"doubled/{KEY}"
    assert gate.doubled("baseline/mnist/one-context") == "doubled/baseline/mnist/one-context"
    assert gate.doubled("baseline/mnist/one-context-longer") == "ladder/baseline/mnist/one-context/fourfold"
    monkeypatch.delitem(EXPERIMENTS, f"doubled/{KEY}")
    assert gate.doubled(KEY) is None and reason() == "no doubled budget yet"


def test_a_model_beats_the_trivial_predictor_by_a_tenth() -> None:
    """The trivial error is 2; that of a model after ten steps is a factor over eleven."""
    write(OTHER, 1.0, 1.0, 1.0)
    for factor, weak in ((19.7, False), (19.9, True)):
        write(KEY, factor, factor, factor)
        write(f"doubled/{KEY}", factor, factor)
        write(f"doubled/{OTHER}", 1.0, 1.0)
        assert reason() == (f"{KEY} is not 10 % below the trivial predictor" if weak else "")
        assert bool(reason(OTHER, KEY)) == weak, "either of the two"
    records.write(record(KEY, 0))
    assert reason() == "no trivial predictor in its records"


def test_a_model_against_itself_is_judged_after_the_more_steps() -> None:
    """After one step this one is as bad as trivial, which is what more steps are to help."""
    write(KEY, 4.0, 4.0, 4.0)
    write(f"doubled/{KEY}", 4.0, 4.0)
    found = compared(at(KEY, 10), at(KEY, 1))
    assert isinstance(found, Ratio) and found.untestable == "" and found.mean == pytest.approx(2 / 11)
    weak = compared(at(KEY, 1), at(KEY, 0))
    assert isinstance(weak, Ratio) and weak.untestable


def test_steps_beyond_those_of_training_are_a_claim_of_their_own() -> None:
    for key in (KEY, OTHER, f"doubled/{KEY}", f"doubled/{OTHER}"):
        write(key, *((0.5, 0.51) if key.endswith("data") else (1.0, 1.0)))
    assert reason(k=10) == "" and experiment(KEY, "small").objective.steps == 10
    assert reason(k=11) == f"{KEY} was trained on 10 steps"
    assert reason(k=11, beyond=True) == ""


def test_a_one_step_model_counts_where_it_was_trained() -> None:
    """It is to fail when repeated, so it is not asked to beat the trivial predictor after ten steps."""
    single = f"{KEY}-1-step"
    write(single, 1.0, 1.0)
    worse = arm(single, 2)
    worse["metrics"][SET]["mse"]["mean"] = [2.0, 0.5, *[50.0] * 19]
    records.write(worse)
    known = Arm(single, "small", SET, "mse", 10)
    assert gate.horizon(known) == 1 and gate.weak(known) == ""
    assert gate.far(known)


def test_one_context_was_trained_on_as_many_mini_batches_as_it_holds() -> None:
    assert gate.horizon(Arm("baseline/linear-regression/one-context", "small", SET, "mse", 10)) == 10
    mnist = experiment("table4/mnist/data", "small").objective
    assert gate.horizon(Arm("baseline/mnist/one-context", "small", "mnist", "error", 8)) == mnist.steps
    assert gate.horizon(Arm("mask/mnist/causal", "small", "mnist", "error_by_points", 16)) == mnist.points


def test_baselines_that_are_not_trained_pass() -> None:
    write(KEY, 0.5, 0.5)
    write(f"doubled/{KEY}", 0.5, 0.5)
    assert reason(KEY, f"{KEY}|mean") == ""
    assert reason(f"{KEY}|mean", f"{KEY}|mean") == ""
