"""Operations to a loss are those of the curve at the full horizon."""

from pathlib import Path

import pytest
from example_record import record

from iai.study.analysis.learning import final_loss, full_horizon, operations_to, running_loss
from iai.study.ledger import records
from iai.study.ledger.statistics import Summary
from iai.study.registry import experiment
from iai.study.registry.variants import vary

KEY = "dimension/32/data"


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path))


def trained(seed: int = 0, flops: float = 100.0) -> records.Record:
    """A training of 700 updates whose loss is 1000 less the updates so far, at the middle of each of 100 stretches."""
    updates = [7 * (i + 1) for i in range(100)]
    curve = {"update": updates, "loss": [1003.5 - update for update in updates]}
    return record(KEY, seed, profile="small", flops=flops, curve=curve)


def test_the_full_horizon_starts_with_a_roll_out_after_growth() -> None:
    chosen = vary(experiment(KEY, "small"), train={"updates": 700})
    first = full_horizon(chosen)
    assert chosen.objective.grown(first / 700).steps == chosen.objective.steps
    assert 0.27 * 700 <= first < 0.3 * 700 + 12 * chosen.objective.steps
    assert full_horizon(vary(chosen, objective={"growth": 0.0})) == 0
    assert 0.9 * 700 < full_horizon(vary(chosen, objective={"growth": 1.0})) <= 700
    assert full_horizon(experiment("baseline/linear-regression/lstm", "small")) == 0, "updates of any objective"


def test_a_running_loss_has_a_window_at_the_full_horizon_alone() -> None:
    operations, means = running_loss(trained())
    first = full_horizon(experiment(KEY, "small"))
    assert operations[-1] == 100.0 and operations[0] * 7 >= first + 70 - 1e-9
    assert means[-1] == pytest.approx(1000 - 665) and means[0] - means[-1] == pytest.approx(7 * (len(means) - 1))


def test_operations_to_a_loss_are_read_from_each_seed() -> None:
    for seed, flops in ((0, 100.0), (1, 200.0)):
        records.write(trained(seed, flops))
    goal = final_loss(KEY, "small")
    assert isinstance(goal, Summary) and goal.values == pytest.approx((335.0, 335.0))
    found = operations_to(KEY, "small", goal.mean + 70)
    assert isinstance(found, Summary)
    assert found.values == pytest.approx((90.0, 180.0)) and (found.seeds, found.profile) == ((0, 1), "small")


def test_what_is_not_reached_or_not_there_is_no_number() -> None:
    assert str(final_loss(KEY, "small")) == str(operations_to(KEY, "small", 1.0)) == "pending"
    records.write(trained())
    assert str(operations_to(KEY, "small", 300.0)) == "–"
    assert isinstance(operations_to(KEY, "small", 400.0), Summary)


def test_a_curve_that_is_shorter_than_its_window_has_no_number() -> None:
    short = trained() | {"curve": {"update": [100, 700], "loss": [2.0, None]}}
    assert len(running_loss(short)[1]) == 0
    records.write(short)
    assert str(final_loss(KEY, "small")) == "–"
