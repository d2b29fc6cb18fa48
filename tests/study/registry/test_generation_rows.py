"""Rows of generation: what they are, that each regime learns to generate, and that their records say how well."""

from dataclasses import replace
from pathlib import Path

import pytest
from small import small

from iai.evaluation import EvaluationConfig, evaluate
from iai.experiment import from_json, to_json
from iai.study import registry
from iai.study.analysis.references import Reference
from iai.study.jobs import run
from iai.study.jobs.run import fit
from iai.study.jobs.runs import Run
from iai.study.registry import EXPERIMENTS, experiment
from iai.study.registry.families import FURTHER
from iai.tasks import Letters, Mixture
from iai.training import TrainConfig
from iai.types import UserError

GENERATION = [row for row in FURTHER if row.startswith("generation/")]


def test_rows_learn_from_data_and_have_trials_where_tasks_can_validate() -> None:
    regimes = {"mixture-2d": {"parametric", "explicit", "implicit"}, "mixture-5d": {"parametric", "implicit"}}
    wanted = {name: {f"generation/{name}/{regime}/data" for regime in known} for name, known in regimes.items()}
    assert set(GENERATION) == set.union(*wanted.values(), {"generation/letters/implicit/data"})
    tried = {
        key.removeprefix("trial/").rpartition("/")[0] for key in EXPERIMENTS if key.startswith("trial/generation/")
    }
    assert tried == set.union(*wanted.values())


def test_a_parametric_state_has_a_slot_a_component() -> None:
    for name in ("mixture-2d", "mixture-5d"):
        chosen = experiment(f"generation/{name}/parametric/data", "small")
        assert chosen.theta == "component" and chosen.objective.points == chosen.evaluation.points == 64


@pytest.mark.parametrize("profile", registry.PROFILES)
@pytest.mark.parametrize("key", GENERATION)
def test_a_row_is_plain_data_and_trains_on_no_letter_that_judges(key: str, profile: str) -> None:
    chosen = experiment(key, profile)
    assert from_json(to_json(chosen)) == chosen and chosen.evaluation.generation_tasks
    if "letters" in key:
        assert chosen.task == Letters(split="train")
        assert [task.split for task in chosen.evaluation_sets.values()] == ["train", "test"]


def test_configs_that_generate_nothing_are_written_as_before() -> None:
    assert "clouds" not in to_json(EvaluationConfig()) and to_json(EvaluationConfig(generation_tasks=3))["clouds"] == 3


@pytest.mark.parametrize(
    ("regime", "task"),
    [("parametric", Mixture()), ("explicit", Mixture()), ("implicit", Mixture()), ("implicit", Letters())],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_field_is_learned_in_every_regime(regime: str, task: Mixture | Letters) -> None:
    chosen = small(regime, task, train=TrainConfig(updates=60, warmup=8, lr=0.01))
    chosen = replace(chosen, objective=replace(chosen.objective, tasks=16, points=16, queries=16))
    trained, _ = fit(chosen, show=False)
    curve = evaluate(trained, task, replace(chosen.evaluation, tasks=64, points=16))["mse"]["mean"]
    assert curve[2] < 0.93 * curve[0]


def test_a_record_tells_how_well_was_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, task = "generation/mixture-2d/parametric/data", Mixture()
    tiny = small(task=task, evaluation_sets={"as-trained": task})
    tiny = replace(tiny, evaluation=replace(tiny.evaluation, steps=5, points=16, generation_tasks=3))
    monkeypatch.setitem(registry.EXPERIMENTS, key, lambda profile: tiny)
    monkeypatch.setenv("IAI_RUNS", str(tmp_path))
    record = run.run(Run(key, "smoke", 0), device="cpu", show=False)
    found, beside = record["metrics"]["as-trained"], record["baselines"]["as-trained"]
    assert set(found) == {"mse", "loss", "w2", "nll_gap", "field_error"}
    for curve in found.values():
        assert len(curve["mean"]) == len(curve["se"]) == 6
    assert found["w2"]["mean"][0] is None and found["w2"]["mean"][5] > 0
    assert set(beside) == {"mean", "sgd", "adam", "gaussian", "kernel", "em", "fresh", "truth"}
    assert set(beside["gaussian"]) == set(found) and set(beside["fresh"]) == {"w2"}
    assert beside["truth"]["w2"]["mean"][5] < beside["gaussian"]["w2"]["mean"][5]


def test_prose_may_name_what_is_reported_and_nothing_else() -> None:
    def check(key: str, evaluation: str, metric: str) -> None:
        Reference.parse(f"{key}:{evaluation}:{metric}:1", "smoke").check(metric, [1])

    check("generation/mixture-2d/implicit/data", "more-components", "nll_gap")
    check("generation/letters/implicit/data", "test", "w2")
    with pytest.raises(UserError, match="after 1, 5, 10 steps"):
        Reference.parse("generation/letters/implicit/data:test:w2:2", "smoke").check("w2", [2])
    with pytest.raises(UserError, match="nll_gap"):
        check("generation/letters/implicit/data", "test", "nll_gap")
    with pytest.raises(UserError, match="w2"):
        check("table2/linear-regression/data", "linear-regression", "w2")
