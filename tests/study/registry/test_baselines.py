"""Keys of learned baselines: the tasks, mini-batches and judges of the rows they compete with; whole records."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import iai
from iai.baselines.learned import LearnedBaseline
from iai.experiment import BaselineExperiment, Experiment, build, from_json, to_json
from iai.model import Amortizer
from iai.study import registry
from iai.study.analysis.contrasts import best
from iai.study.analysis.trials import trials
from iai.study.jobs import run
from iai.study.jobs.run import fit, identity, judged
from iai.study.jobs.runs import Run
from iai.study.ledger import records
from iai.study.measure.cost import planned
from iai.study.registry import EXPERIMENTS, baselines, experiment, seeds_of
from iai.study.registry.sizes import PROFILES
from iai.study.registry.trials import SELECTED, baseline_settings, taken
from iai.tasks import episode
from iai.training import Checkpoint, Greedy
from iai.training.loop import Interrupted, identified, train
from iai.types import UserError, concat

PAIRS = {
    "linear-regression": "table2/linear-regression/data",
    "mnist": "table4/mnist/data",
    "features": "features/implicit/data",
}


def test_there_are_the_baselines_of_each_family() -> None:
    names = {"maml", "attentive-cnp", "lstm", "one-context", "one-context-longer"}
    known = dict.fromkeys(PAIRS, names) | {"features": names - {"attentive-cnp", "lstm"}}
    assert {key for key in EXPERIMENTS if key.startswith("baseline/")} == {
        f"baseline/{family}/{name}" for family in PAIRS for name in known[family]
    }


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("row", baselines.ROWS)
def test_a_baseline_sees_what_its_row_sees_and_is_judged_by_the_same_tasks(row: str, profile: str) -> None:
    mine, theirs = experiment(row, profile), experiment(PAIRS[row.split("/")[1]], profile)
    assert mine.task == theirs.task and mine.evaluation_sets == theirs.evaluation_sets
    assert replace(mine.evaluation, one_context=False) == theirs.evaluation
    ours, other = mine.objective, theirs.objective
    assert ours.points * ours.steps == other.points * other.steps and ours.queries == other.queries
    if isinstance(mine, BaselineExperiment):
        assert ours.points == other.points and mine.train.precision == "float32"


@pytest.mark.parametrize("family", PAIRS)
def test_one_context_costs_as_many_tokens_as_the_row_or_twice_as_many(family: str) -> None:
    row = experiment(PAIRS[family], "small")
    assert isinstance(row, Experiment)
    slots = row.objective.queries if row.regime == "implicit" else 1

    def tokens(objective: Greedy, updates: int) -> int:
        return updates * objective.tasks * (objective.points + slots)

    whole = tokens(row.objective, row.train.updates)
    for name, times in (("one-context", 1), ("one-context-longer", 2)):
        one = experiment(f"baseline/{family}/{name}", "small")
        assert tokens(one.objective, one.train.updates) == pytest.approx(times * whole, rel=2e-3)


def test_one_context_reads_all_that_was_seen_as_one_mini_batch() -> None:
    chosen = experiment("baseline/linear-regression/one-context", "smoke")
    config = replace(chosen.evaluation, tasks=4, steps=3)
    model = build(chosen)
    assert isinstance(model, Amortizer)
    with torch.no_grad():
        model.refiner.head.weight.normal_(generator=torch.Generator().manual_seed(0))
    curve = judged(model, chosen.task, config)["mse"]["mean"]
    generator = torch.Generator().manual_seed(config.seed)
    batches, queries = episode(chosen.task, generator, 4, 3, config.points, config.queries)
    for k in (0, 1, 2, 3):
        y_hat = model([concat(batches[:k])] if k else [], queries.x)
        assert curve[k] == pytest.approx((y_hat - queries.y).square().mean().item(), rel=1e-5)
    iterated = judged(model, chosen.task, replace(config, one_context=False))["mse"]["mean"]
    assert iterated[1] == curve[1] and iterated[3] != curve[3]


@pytest.mark.parametrize("row", baselines.TRIED)
def test_trials_are_half_as_long_and_differ_in_one_setting(row: str) -> None:
    defaults = experiment(f"choice/{row}/centre", "small")
    assert defaults.train.updates == baselines.defaults(row, "small").train.updates // 2
    found = {
        name: experiment(f"choice/{row}/{name}", "small")
        for name in baseline_settings(row, baselines.defaults(row, "small"))
    }
    assert len({str(to_json(one)) for one in found.values()}) == len(found) >= 3
    rates = sorted({one.train.lr / defaults.train.lr for one in found.values()})
    assert rates == pytest.approx([1 / 3, 1.0, 3.0] if row.endswith("/maml") else [1 / 3, 1.0, 3.0, 9.0])
    assert defaults.evaluation.steps == experiment(PAIRS[row.split("/")[1]], "small").objective.steps
    assert [seeds_of(f"choice/{row}/centre", profile) for profile in ("small", "paper")] == [1, 0]


def test_trials_choose_and_the_longer_training_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path))
    row = "baseline/mnist/one-context"
    monkeypatch.delitem(SELECTED, row, raising=False)
    assert best(trials(row, "small")) is None and taken(row, "small") == "centre"
    assert {str(found) for found in trials(row, "small").values()} == {"pending"}
    monkeypatch.setitem(SELECTED, row, "lr-third")
    for name in (row, f"{row}-longer"):
        assert taken(name, "small") == "lr-third" and taken(name, "paper") == "centre"
        made = baselines.experiments("small")[name]
        assert made.train.lr == pytest.approx(baselines.defaults(name, "small").train.lr / 3)


def test_the_operations_of_every_training_are_known_from_its_config() -> None:
    for row in baselines.ROWS:
        assert planned(experiment(row, "smoke")) > 1e6


def test_a_run_is_a_whole_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("IAI_RUNS", str(tmp_path))
    for name, made in (("attentive-cnp", LearnedBaseline), ("one-context", Amortizer)):
        key = f"baseline/linear-regression/{name}"
        short = short_of(key)
        monkeypatch.setitem(registry.EXPERIMENTS, key, lambda profile, short=short: short)
        record = run.run(Run(key, "smoke", 0), device="cpu", show=False)
        assert records.read(records.write(record))["key"] == key and from_json(record["config"]) == short
        assert record["asked"] == [0, 1, 2, 5, 10, 20] and record["precision"] == "float32"
        assert record["flops"] > 0 and record["tokens_per_second"] > 0 and record["adapt_flops"] > 0
        costs = record["baseline_costs"]
        assert set(costs) == set(record["baselines"]["linear-regression"]) >= {"l-bfgs", "adam-10-passes"}
        assert costs["sgd"]["flops"] > 0 and costs["ridge"]["seconds"] > 0
        assert records.fact(key, "smoke", "adapt_seconds").mean > 0
        assert records.summary(key, "smoke", "linear-regression", "mse", 5).mean > 0
        assert records.summary(key, "smoke", "linear-regression", "mse", 6).shown == "–"
        loaded = iai.load(tmp_path / "smoke" / key / "seed0.safetensors")
        assert isinstance(loaded, made)


def short_of(key: str) -> Any:
    """The smoke run of a key with four updates and few judges."""
    whole = experiment(key, "smoke")
    return replace(
        whole,
        train=replace(whole.train, updates=4, warmup=1),
        evaluation=replace(whole.evaluation, tasks=4),
    )


@pytest.mark.parametrize("name", baselines.TRAINING)
def test_a_resumed_training_is_the_uninterrupted_one_bit_for_bit(tmp_path: Path, name: str) -> None:
    chosen = short_of(f"baseline/linear-regression/{name}")
    whole, _ = fit(chosen, show=False)
    path, calls = tmp_path / "run.safetensors", 0

    def interrupted(model: LearnedBaseline, generator: torch.Generator, done: float) -> Iterator[torch.Tensor]:
        nonlocal calls
        calls += 1
        if calls == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        yield from chosen.objective(model, generator, done)

    same = identified(path, build(chosen), chosen.objective, chosen.train, 0).metadata
    who = identity(chosen, 0, {}) | same | {"config_hash": run.training_hash(chosen)}
    with pytest.raises(Interrupted, match="after update 2 of 4"):
        train(build(chosen), interrupted, chosen.train, seed=0, checkpoint=Checkpoint(path, who), show=False)
    resumed, _ = fit(chosen, path=path, show=False)
    for one, other in zip(whole.parameters(), resumed.parameters()):
        assert torch.equal(one, other)
    with pytest.raises(UserError, match="another configuration"):
        fit(replace(chosen, train=replace(chosen.train, lr=0.5)), path=path, show=False)
