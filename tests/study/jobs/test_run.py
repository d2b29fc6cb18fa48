"""Runs: save and load are inverse, a damaged file is one clear error, every regime trains, a record is complete."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from small import data, small

import iai
from iai.evaluation import evaluate
from iai.experiment import TYPES, from_json, load
from iai.model import Signal
from iai.study import registry
from iai.study.analysis.contrasts import best, ratio
from iai.study.analysis.trials import trials
from iai.study.jobs import run
from iai.study.jobs.run import fit
from iai.study.jobs.runs import Run
from iai.study.ledger import records
from iai.study.ledger.statistics import Ratio, Summary
from iai.study.registry import EXPERIMENTS, baselines, experiment
from iai.study.registry.trials import SELECTED, taken
from iai.study.registry.variants import vary
from iai.tasks import Features, Images, InTurn, Letters
from iai.training import checkpoint
from iai.training.loop import TrainConfig, generator_of
from iai.types import Batch, UserError

SHORT = TrainConfig(updates=8, warmup=2, lr=0.01)
IMAGES = Images(source="sample", projection=5, ways=3)


@pytest.mark.parametrize(
    "chosen",
    [
        small(train=SHORT, signal=Signal(history=1)),
        small("explicit", train=SHORT),
        small("implicit", IMAGES, train=SHORT, space="latent"),
        small(task=IMAGES, train=SHORT, theta="one"),
    ],
    ids=lambda chosen: chosen.regime,
)
def test_save_then_load_is_the_identity(tmp_path: Path, chosen: Any) -> None:
    path = tmp_path / "run.safetensors"
    trained, _ = fit(chosen, seed=1, path=path, show=False)
    loaded = iai.load(path)
    batches, queries = data(chosen)
    assert torch.equal(loaded(batches, queries.x), trained(batches, queries.x))
    assert set(loaded.state_dict()) == set(trained.state_dict()) and not loaded.training


def test_a_checkpoint_belongs_to_a_training_and_not_to_how_it_is_judged(tmp_path: Path) -> None:
    path, chosen = tmp_path / "run.safetensors", small(train=SHORT)
    trained, _ = fit(chosen, path=path, show=False)
    otherwise = replace(chosen, evaluation=replace(chosen.evaluation, seed=5), evaluation_sets={})
    again, progress = fit(replace(otherwise, train=SHORT), path=path, show=False)
    assert all(torch.equal(a, b) for a, b in zip(trained.parameters(), again.parameters()))
    assert progress.update == SHORT.updates
    for other in (replace(chosen, theta="one"), replace(chosen, train=replace(SHORT, lr=0.02))):
        with pytest.raises(UserError, match="another configuration"):
            fit(other, path=path, show=False)


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    tensors, metadata = checkpoint.read(path)
    if how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("not a checkpoint\n")
    elif how == "missing":
        path.unlink()
    elif how == "anonymous":
        checkpoint.write(path, tensors, {"progress": metadata["progress"]})
    elif how == "no experiment":
        checkpoint.write(path, tensors, metadata | {"config": [1]})
    elif how == "not finite":
        checkpoint.write(path, {name: value * torch.nan for name, value in tensors.items()}, metadata)


@pytest.mark.parametrize("how", ["truncated", "empty", "text", "missing", "anonymous", "no experiment", "not finite"])
def test_a_damaged_or_foreign_file_gives_one_clear_line(tmp_path: Path, how: str) -> None:
    path = tmp_path / "run.safetensors"
    fit(small(train=SHORT), path=path, show=False)
    damage(path, how)
    with pytest.raises(UserError, match=r"run\.safetensors") as error:
        load(path)
    assert "\n" not in str(error.value) and "train" in str(error.value)


def test_loading_onto_a_device_that_is_not_there_is_a_user_error(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    fit(small(train=SHORT), path=path, show=False)
    with pytest.raises(UserError, match="cannot be used here"):
        load(path, "cuda:99")


def test_the_package_offers_load_and_nothing_by_accident() -> None:
    assert iai.load is load
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        iai.laod  # noqa: B018


@dataclass(frozen=True, kw_only=True)
class Sinusoid:
    dx: ClassVar[int] = 1
    dy: ClassVar[int] = 1
    loss: ClassVar[str] = "squared_error"
    theta_shape: ClassVar[tuple[int, int]] = (1, 2)

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        theta = torch.randn(tasks, 1, 2, generator=generator)
        x = 6 * torch.rand(tasks, points, 1, generator=generator) - 3
        return Batch(x, (torch.cat([x.sin(), x.cos()], -1) * theta).sum(-1, keepdim=True))

    def decode(self, x: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        return torch.cat([x.sin(), x.cos()], -1) @ theta.reshape(2, 1)


@pytest.mark.parametrize("regime", ["parametric", "explicit", "implicit"])
def test_a_task_of_ones_own_trains_in_every_regime(tmp_path, monkeypatch, regime: str) -> None:
    chosen = small(regime, Sinusoid(), train=TrainConfig(updates=48, warmup=8, lr=0.01))
    chosen = replace(chosen, objective=replace(chosen.objective, tasks=16, queries=8))
    trained, _ = fit(chosen, path=tmp_path / "run.safetensors", show=False)
    curve = evaluate(trained, Sinusoid(), replace(chosen.evaluation, tasks=64))["mse"]["mean"]
    assert curve[2] < 0.9 * curve[0]
    monkeypatch.setitem(TYPES, "Sinusoid", Sinusoid)
    batches, queries = data(chosen)
    assert torch.equal(load(tmp_path / "run.safetensors")(batches, queries.x), trained(batches, queries.x))


def test_keys_are_the_papers_rows_and_their_one_step_models() -> None:
    rows = {key.removesuffix("-1-step") for key in EXPERIMENTS if key.startswith("table")}
    assert len(rows) == 14
    for key in rows:
        chosen, one = experiment(key, "small"), experiment(f"{key}-1-step", "small")
        assert one == vary(chosen, objective={"steps": 1}) and one.objective.steps == 1
        table, family, kind = key.split("/")
        assert chosen.regime == {"table2": "parametric", "table3": "explicit", "table4": "implicit"}[table]
        assert chosen.signal.kind == kind
        wanted = {"linear-regression": ["linear-regression"], "mnist": ["mnist", "fashion-mnist"]}[family]
        assert list(chosen.evaluation_sets) == wanted and chosen.evaluation.steps == 20


def test_one_step_models_are_given_the_same_points_a_step() -> None:
    for key in ("table2/mnist/data", "table4/linear-regression/data"):
        both = [experiment(name, "small") for name in (key, f"{key}-1-step")]
        assert both[0].objective.points == both[1].objective.points == both[0].evaluation.points
        assert both[0].train == both[1].train


def evaluation_seeds(chosen: Any) -> set[int]:
    """The seeds of all chunks of evaluation tasks, as the CPU's generator takes them: modulo 2^32."""
    config = chosen.evaluation
    return {(config.seed + chunk) % 2**32 for chunk in range(-(-config.tasks // config.chunk))}


def training_seeds(updates: int) -> set[int]:
    """The same of all roll-outs of five training seeds, of which there are no more than updates."""
    starts = [generator_of(seed, 0).initial_seed() for seed in range(5)]
    assert generator_of(1, 7).initial_seed() == starts[1] + 7
    return {(start + rollout) % 2**32 for start in starts for rollout in range(updates)}


def test_a_generator_takes_a_seed_modulo_a_power_of_two() -> None:
    """Why the test below compares no seed as it stands."""
    first, again = (torch.rand(4, generator=torch.Generator().manual_seed(seed)) for seed in (5, 2**32 + 5))
    assert torch.equal(first, again)


@pytest.mark.parametrize("profile", registry.PROFILES)
def test_settings_are_never_chosen_on_what_a_table_shows(profile: str) -> None:
    choosing = ("choice/", "trial/")
    tables = [experiment(key, profile) for key in EXPERIMENTS if not key.startswith(choosing)]
    trials = [experiment(key, profile) for key in EXPERIMENTS if key.startswith(choosing)]
    kept_apart = {Images: {"split": "validation"}, Features: {"classes": "validation"}}
    shown, judged = (set().union(*map(evaluation_seeds, some)) for some in (tables, trials))
    trained = training_seeds(max(chosen.train.updates for chosen in tables))
    assert not shown & judged and not shown & trained and not judged & trained
    for chosen in trials:
        (task,) = chosen.evaluation_sets.values()
        if isinstance(task, InTurn):
            assert task.task.split == "validation"
            continue
        assert task == replace(chosen.task, **kept_apart.get(type(task), {}))
        assert task != chosen.task or not isinstance(getattr(task, "task", task), Images | Features | Letters)


@pytest.mark.parametrize("row", baselines.TRIED)
def test_a_learned_baseline_has_the_settings_that_its_trials_chose(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the centre, while any of them is missing."""
    monkeypatch.setenv("IAI_RESULTS", str(Path(__file__).parents[3] / "book" / "results"))
    assert taken(row, "small") == (best(trials(row, "small")) or "centre")


def test_at_small_a_key_has_the_settings_that_its_trials_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the centre, while any of them is missing."""
    monkeypatch.setenv("IAI_RESULTS", str(Path(__file__).parents[3] / "book" / "results"))
    keys = {key.removeprefix("trial/").rpartition("/")[0] for key in EXPERIMENTS if key.startswith("trial/")}
    keys |= set(baselines.TRIED)
    found = {key: best(trials(key)) for key in keys}
    assert {key: name for key, name in found.items() if name not in (None, "centre")} == SELECTED


@pytest.mark.parametrize(
    ("key", "profile", "near"),
    [("table2/mnist/dat", "small", "table2/mnist/data"), ("table2/mnist/data", "smal", "small")],
)
def test_an_unknown_name_is_an_error_with_the_near_names(key: str, profile: str, near: str) -> None:
    with pytest.raises(UserError, match=near):
        experiment(key, profile)


def test_a_run_returns_a_complete_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "table4/linear-regression/data"
    tiny = small("implicit", experiment(key, "smoke").task, train=SHORT)
    tiny = replace(
        tiny, evaluation_sets={"linear-regression": tiny.task}, evaluation=replace(tiny.evaluation, steps=20)
    )
    monkeypatch.setitem(registry.EXPERIMENTS, key, lambda profile: tiny)
    monkeypatch.setenv("IAI_RUNS", str(tmp_path))
    record = run.run(Run(key, "smoke", 0), device="cpu", show=False)
    assert record["key"] == key and record["profile"] == "smoke" and record["seed"] == 0 and record["schema"] == 1
    curve = record["metrics"]["linear-regression"]["mse"]
    assert len(curve["mean"]) == len(curve["se"]) == 21 and all(value > 0 for value in curve["se"])
    beside = record["baselines"]["linear-regression"]
    assert {"ridge", "memoryless", "mean"} <= set(beside) and beside["ridge"]["mse"]["mean"][20] < curve["mean"][20]
    tasks = tiny.evaluation.tasks
    for series in (curve, beside["ridge"]["mse"]):
        assert [len(values) for values in series["tasks"].values()] == [tasks] * 5, "after 1, 2, 5, 10 and 20 steps"
    other = run.run(Run(key, "smoke", 1), device="cpu", show=False)
    assert "tasks" in other["metrics"]["linear-regression"]["mse"]
    assert other["baselines"]["linear-regression"]["ridge"]["mse"].keys() == {"mean", "se"}, "the first seed has them"
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path / "results"))
    for one in (record, other):
        records.write(one)
    mine, ridge = (records.summary(row, "smoke", "linear-regression", "mse", 10) for row in (key, f"{key}|ridge"))
    assert isinstance(mine, Summary) and isinstance(ridge, Summary) and mine.draw == ridge.draw
    assert [len(row) for row in mine.tasks] == [tasks, tasks] and [len(row) for row in ridge.tasks] == [tasks]
    against = ratio(mine, ridge)
    assert isinstance(against, Ratio) and against.source == "seeds and tasks"
    assert from_json(record["config"]) == tiny and record["curve"]["update"][-1] == 8
    assert {"config_hash", "sources_hash", "commit", "device", "torch", "created", "seconds"} <= set(record)
    assert record["device"] == f"{run.processor()}, 1 thread(s)"  # seconds of two processors are never compared
    assert record["tokens_per_second"] > 0 and record["flops"] > 0 and 0 < record["utilisation"] < 1


@pytest.mark.parametrize("change", ["empty", "cut", "list", "number", "altered", None])
def test_cached_baselines_are_used_as_they_were_written_or_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str | None
) -> None:
    monkeypatch.setenv("IAI_RUNS", str(tmp_path))
    chosen = small(train=SHORT)
    first = run.baseline_results(chosen.task, chosen.evaluation)
    (path,) = (tmp_path / "baselines").iterdir()
    text = path.read_text()
    damaged = {"empty": "", "cut": text[:100], "list": "[]", "number": "1", "altered": text.replace(": [", ": [1", 1)}
    if change in damaged:
        path.write_text(damaged[change])
    made: list[str] = []
    real = run.evaluate
    monkeypatch.setattr(run, "evaluate", lambda *words: (made.append("again"), real(*words))[1])
    again = run.baseline_results(chosen.task, chosen.evaluation)
    assert again["curves"] == first["curves"]
    assert bool(made) == (change in damaged) and json.loads(path.read_text())["found"] == again


def test_a_run_is_refused_before_it_trains_on_what_judges_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "experiment", lambda key, profile: small("implicit", IMAGES))
    monkeypatch.setattr(run, "fit", None)
    with pytest.raises(UserError, match="evaluation set 'same' has examples that train"):
        run.run(Run("any", "smoke", 0), show=False)
