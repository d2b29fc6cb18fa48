"""Who competes: every row, once, with a record that says what it cost; who is no dearer than whom."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from example_record import record

from iai.study.analysis.leaderboard import LEARNED, Leaderboard, iterative
from iai.study.ledger import records
from iai.study.ledger.statistics import Found, Missing, Summary
from iai.study.registry import EXPERIMENTS, baselines
from iai.study.registry.families import ROWS

LR = "linear-regression"


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path))
    return tmp_path


def test_every_row_and_every_learned_baseline_competes_once() -> None:
    boards = [Leaderboard(family=family, profile="small") for family in baselines.COMPETE]
    keys = [key for board in boards for key in board.rows("iterative", "learned").values()]
    assert len(keys) == len(set(keys)) and set(keys) <= set(EXPERIMENTS)
    assert {*ROWS, *baselines.ROWS} <= set(keys)
    assert set(LEARNED.values()) == {*baselines.TRAINING, *baselines.CONTEXTS}
    assert len(iterative("features")) == len(iterative("mnist")) == 7


def test_all_of_a_family_are_judged_by_the_same_tasks() -> None:
    for family in baselines.COMPETE:
        keys = [row.split("|")[0] for row in Leaderboard(family=family, profile="smoke").rows().values()]
        judged = [replace(EXPERIMENTS[key]("smoke").evaluation, one_context=False) for key in keys]
        sets = [EXPERIMENTS[key]("smoke").evaluation_sets for key in keys]
        assert judged == [judged[0]] * len(keys) and sets == [sets[0]] * len(keys)


def test_what_is_not_there_is_pending_and_its_operations_are_those_of_the_plan() -> None:
    board = Leaderboard(family=LR, profile="small")
    assert all(isinstance(found, Missing) for found in board.scores(LR, 1).values())
    cheaper = board.scores_within("implicit", "training", LR, 1)
    assert {"MAML", "implicit"} <= set(cheaper) and all(isinstance(found, Missing) for found in cheaper.values())
    assert set(board.selected_rows()) == {"parametric, data", "explicit, data", "implicit"}
    assert board.metric == "mse" and Leaderboard(family="mnist", profile="small").metric == "error"


def test_those_who_learned_from_more_operations_are_left_out() -> None:
    for name, flops in (("maml", 10), ("attentive-cnp", 30)):
        records.write(record(f"baseline/{LR}/{name}") | {"flops": flops})
    records.write(record(f"table4/{LR}/data") | {"flops": 20})
    board = Leaderboard(family=LR, profile="small")
    found = board.scores_within("implicit", "training", LR, 1)
    assert set(found) == {"MAML", "implicit"} and isinstance(found["MAML"], Summary)
    assert board.operations("SGD", "training") != board.operations("SGD", "training")  # nan: nothing is trained


def test_adapting_costs_what_is_recorded() -> None:
    board = Leaderboard(family=LR, profile="small")
    names = [row.split("|")[1] for row in board.rows("classical", "oracle").values()]
    small = record(baselines.COMPETE[LR]) | {"adapt_flops": 20}
    small["baselines"][LR] = dict.fromkeys(names, small["baselines"][LR]["ridge"])
    costs: dict[str, Any] = {name: {"flops": 10, "seconds": 0.5} for name in names}
    costs |= {"l-bfgs": {"flops": 30, "seconds": 0.5}, "mean": {"flops": None, "seconds": 0.5}}
    records.write(small | {"baseline_costs": costs})
    assert board.operations("SGD", "adapting") == 10 and math.isnan(board.operations("no inputs", "adapting"))
    cheap = board.scores_within("parametric, data", "adapting", LR, 1)
    assert {"SGD", "parametric, data"} <= set(cheap) and not {"L-BFGS", "no inputs"} & set(cheap)
    assert "implicit" in cheap, "what is pending stays, as its cost is not known"
    records.write(record(f"table4/{LR}/data"))
    assert math.isnan(Leaderboard(family=LR, profile="small").operations("implicit", "adapting")), "not in the record"


def test_figures_show_the_row_of_a_regime_whose_trial_was_best(monkeypatch: pytest.MonkeyPatch) -> None:
    def trials(row: str) -> dict[str, Found]:
        loss = 0.5 if row == f"table2/{LR}/grad" else 1.0
        return {"centre": Summary(values=(loss,), errors=(0.0,), seeds=(0,), profile="small")}

    monkeypatch.setattr("iai.study.analysis.trials.trials", trials)
    monkeypatch.setattr("iai.study.analysis.leaderboard.taken", lambda row, profile: "centre")
    assert Leaderboard(family=LR, profile="small").selected_rows()["parametric, gradients"] == f"table2/{LR}/grad"
