"""Captured updates: the same as one loss at a time; on CUDA captured, and without a graph where that fails."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from small import small

from iai.experiment import Experiment, build
from iai.model import Signal
from iai.tasks import LinearRegression
from iai.training import Greedy, Progress, TrainConfig, adamw, graph
from iai.training.graph import WARMUP, CapturedUpdates
from iai.training.loop import seed_of, train

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
    updates = CapturedUpdates(model, objective, adamw(model, config), config, nullcontext())
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
    assert updates.horizon.steps == 4
    # The rate is a float32 on the device and a double on the host.
    torch.testing.assert_close(losses, torch.stack(progress.losses), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(weights, flat(plain), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("updates", [1, 13])
def test_captured_updates_are_as_many_as_the_config_says(updates: int) -> None:
    """Also where the last roll-out has more: a roll-out here has 2 to 8."""
    losses, *_ = by_captured_updates(growing(train=replace(TRAINING, updates=updates, warmup=1)))
    assert len(losses) == updates


class Uncapturable:
    """A CUDA graph that cannot even be prepared; what a capture that fails half-way leaves, only CUDA can show."""

    tries = 0

    def register_generator_state(self, generator: torch.Generator) -> None:
        Uncapturable.tries += 1
        raise RuntimeError("operation not permitted when stream is capturing\nmore words")


def test_an_update_that_cannot_be_captured_runs_without_a_graph_after_one_warning(monkeypatch) -> None:
    expected, *_ = by_captured_updates(growing())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Uncapturable)
    original = graph.CapturedUpdates.__init__

    def hopeful(self: CapturedUpdates, *arguments: Any) -> None:
        original(self, *arguments)
        self.capturable = True

    monkeypatch.setattr(graph.CapturedUpdates, "__init__", hopeful)
    with pytest.warns(UserWarning, match="cannot be a CUDA graph .* not permitted when stream is capturing$"):
        losses, _, updates = by_captured_updates(growing())
    assert Uncapturable.tries == 1 and not updates.capturable
    torch.testing.assert_close(losses, expected)


@CUDA
@pytest.mark.parametrize("regime", ["parametric", "explicit", "implicit"])
def test_captured_updates_are_the_eager_ones(regime: str) -> None:
    experiment = growing(regime, signal=Signal(kind="data" if regime == "implicit" else "grad+data"))
    losses, weights, updates = by_captured_updates(experiment, "cuda")
    assert updates.horizon.graph and updates.horizon.updates > WARMUP
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
