"""Captured updates: the same as one loss at a time; on CUDA captured, unless they wait for the GPU."""

import warnings
from contextlib import nullcontext
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from small import small

from iai.experiment import Experiment, build
from iai.model import Signal
from iai.tasks import LinearRegression
from iai.training import Greedy, Progress, TrainConfig, graph, make_optimizer
from iai.training.graph import WARMUP, CapturedUpdates, half
from iai.training.loop import seed_of, train
from iai.types import UserError

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
TRAINING = TrainConfig(updates=40, warmup=5, lr=0.01, precision="float32", capture=False)


def growing(regime: str = "parametric", **changes: Any) -> Experiment:
    """An experiment whose horizon grows through 1, 2 and 4 steps, so that several pools are at work."""
    objective = Greedy(
        task=LinearRegression(dimension=2),
        tasks=4,
        steps=4,
        points=5,
        queries=4,
        growth=0.5,
        passes_per_fill=2,
    )
    return small(regime, objective=objective, **({"train": TRAINING} | changes))


def by_captured_updates(
    experiment: Experiment, device: str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor, CapturedUpdates]:
    """Losses and weights of a training by captured updates, which are eager without CUDA."""
    model = build(experiment, 0, device)
    config, objective, progress = experiment.train, experiment.objective, Progress()
    optimizer = make_optimizer(model, config)
    updates = CapturedUpdates(model, optimizer, config, nullcontext())
    while progress.update < config.updates:
        grown = objective.grown(progress.update / config.updates)
        updates.roll_out(grown, seed_of(3, progress.rollout), progress)
        progress.rollout += 1
    return torch.stack(progress.losses).cpu(), flat(model), updates


def flat(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().cpu().flatten() for p in model.parameters()])


@pytest.mark.parametrize("regime", ["parametric", "explicit", "implicit"])
@pytest.mark.parametrize("mask", ["full", "causal"])
def test_captured_updates_are_those_of_one_loss_at_a_time(regime: str, mask: str) -> None:
    signal = Signal(kind="data" if regime == "implicit" else "grad+data", tokens="running", history=1)
    experiment = growing(regime, signal=signal, refiner={"mask": mask})
    plain = build(experiment)
    progress = train(plain, experiment.objective, experiment.train, seed=3, show=False)
    losses, weights, updates = by_captured_updates(experiment)
    assert updates.steps == 4
    assert torch.equal(losses, torch.stack(progress.losses)) and torch.equal(weights, flat(plain))


def test_captured_updates_by_muon_are_those_of_one_loss_at_a_time() -> None:
    experiment = growing(train=replace(TRAINING, optimizer="muon"))
    plain = build(experiment)
    progress = train(plain, experiment.objective, experiment.train, seed=3, show=False)
    losses, weights, _ = by_captured_updates(experiment)
    assert torch.equal(losses, torch.stack(progress.losses))
    torch.testing.assert_close(weights, flat(plain), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("updates", [1, 13])
def test_captured_updates_are_as_many_as_the_config_says(updates: int) -> None:
    """Also where the last roll-out has more: a roll-out here has 2 to 8."""
    losses, *_ = by_captured_updates(growing(train=replace(TRAINING, updates=updates, warmup=1)))
    assert len(losses) == updates


@pytest.fixture
def watched(monkeypatch) -> list[str]:
    """As on CUDA: updates that may be captured, whose last warm-up PyTorch watches; the modes that it was set to."""
    modes, original = ["default"], CapturedUpdates.__init__

    def hopeful(self: CapturedUpdates, *arguments: Any) -> None:
        original(self, *arguments)
        self.capturable = True

    monkeypatch.setattr(CapturedUpdates, "__init__", hopeful)
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: modes[-1])
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    return modes


def test_an_update_that_waits_for_the_gpu_is_never_captured_and_one_warning_says_where(monkeypatch, watched) -> None:
    expected, *_ = by_captured_updates(replace(growing(), train=replace(TRAINING, updates=2)))
    draw = LinearRegression.sample

    def waiting(*arguments: Any) -> Any:
        if watched[-1] == "warn":
            warnings.warn("called a synchronizing CUDA operation (Triggered internally at ...)", stacklevel=1)
        return draw(*arguments)

    monkeypatch.setattr(LinearRegression, "sample", waiting)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", graphs := Mock())
    with pytest.warns(UserWarning, match=f"waits for the GPU at .*{Path(__file__).name}:[0-9]+, so it runs") as caught:
        losses, _, updates = by_captured_updates(growing())
    assert len(caught) == 1
    assert not graphs.called and not updates.capturable and watched == ["default", "warn", "default"]
    torch.testing.assert_close(losses[:2], expected)


@pytest.mark.parametrize(("version", "registered"), [("2.11.0+cu128", 1), ("2.14.0a0+git", 0), ("2.14.1", 0)])
def test_generators_are_registered_only_where_pytorch_does_not_do_it(
    monkeypatch, version: str, registered: int
) -> None:
    monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion(version))
    graph = Mock(spec=torch.cuda.CUDAGraph)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, stream: nullcontext())
    _, _, updates = by_captured_updates(growing())
    updates.update.zero_()  # as before the first of them
    assert updates._capture(growing().objective) is graph
    assert graph.register_generator_state.call_count == registered


def test_a_capture_that_fails_all_the_same_ends_the_training_with_a_remedy(monkeypatch, watched) -> None:
    refused = RuntimeError("operation not permitted when stream is capturing\nmore words")
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Mock())
    monkeypatch.setattr(torch.cuda, "graph", Mock(side_effect=refused))
    with pytest.raises(UserError, match=r"not permitted when stream is capturing\): train with capture=False$"):
        by_captured_updates(growing())


def test_automatic_precision_asks_what_a_device_computes_fast(monkeypatch) -> None:
    wanted = {"auto": True, "float32": False, "bfloat16": True}
    for where, able in product(("cpu", "cuda"), (True, False)):
        monkeypatch.setattr(graph, "fast_bfloat16", lambda device, able=able: able)
        for precision, bfloat16 in wanted.items():
            assert half(TrainConfig(precision=precision), torch.device(where)) == (
                (bfloat16 and able) or precision[0] == "b"
            )


@pytest.mark.parametrize(("able", "pace"), [(True, 0.5), (True, 2.0), (False, 0.5)])
def test_bfloat16_is_fast_on_a_cpu_by_the_clock(able: bool, pace: float, monkeypatch) -> None:
    """Instructions alone do not say so: on some CPUs they take twice as long as those of single precision."""
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: able)
    seconds = {torch.float32: 1.0, torch.bfloat16: pace}
    monkeypatch.setattr(graph.timeit, "repeat", lambda work, number, repeat: [seconds[work.args[0].dtype], 9.0])
    assert graph.fast_bfloat16.__wrapped__(torch.device("cpu")) == (able and pace < 1)


def test_bfloat16_is_fast_on_a_gpu_that_has_it(monkeypatch) -> None:
    for able in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, able=able: able)
        assert graph.fast_bfloat16.__wrapped__(torch.device("cuda")) == able


@CUDA
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("regime", ["parametric", "explicit", "implicit"])
def test_captured_updates_are_the_eager_ones(regime: str, optimizer: Any) -> None:
    config = replace(TRAINING, optimizer=optimizer)
    experiment = growing(regime, signal=Signal(kind="data" if regime == "implicit" else "grad+data"), train=config)
    losses, weights, updates = by_captured_updates(experiment, "cuda")
    assert updates.graph and updates.ran > WARMUP
    eager = build(experiment, 0, "cuda")
    progress = train(eager, experiment.objective, experiment.train, seed=3, show=False)
    torch.testing.assert_close(losses, torch.stack(progress.losses).cpu(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(weights, flat(eager), rtol=1e-3, atol=1e-4)


@CUDA
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_eager_compiled_and_captured_give_the_same_losses(precision: str) -> None:
    def losses(compiled: bool, captured: bool) -> torch.Tensor:
        experiment = growing(train=replace(TRAINING, precision=precision, capture=captured))
        model = build(experiment, 0, "cuda")
        if compiled:
            model.refiner.compile()
        progress = train(model, experiment.objective, experiment.train, seed=3, show=False)
        return torch.stack(progress.losses).float().cpu()

    eager, tolerance = losses(False, False), {"float32": 1e-3, "bfloat16": 5e-2}[precision]
    for compiled, captured in ((True, False), (False, True), (True, True)):
        torch.testing.assert_close(losses(compiled, captured), eager, rtol=tolerance, atol=tolerance)
