"""Faults that change no shape, raise no error and let training go on, each seen in a moment."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small import awake, data, small
from torch import Tensor

from iai.baselines import classical
from iai.evaluation import EvaluationConfig, episodes
from iai.experiment import Experiment, build
from iai.losses import LOSSES, squared_error
from iai.model import Amortizer, Signal
from iai.study.jobs.run import judged
from iai.study.registry import PROFILES
from iai.study.registry import experiments as registered
from iai.tasks import Images, LinearRegression, episode
from iai.training import Checkpoint, Greedy, RandomStep, TrainConfig, adamw, rollout_losses, train
from iai.training.graph import CapturedUpdates
from iai.types import Batch, Evidence, State, concat

REGRESSION = LinearRegression(dimension=2)
IMAGES = Images(source="sample", projection=5, ways=3)


def remembering(regime: str, mask: str = "full", kind: str = "grad+data", tokens: str = "running") -> Experiment:
    """An experiment of four steps with room for two past states."""
    signal = Signal(kind="data" if regime == "implicit" else kind, tokens=tokens, history=2)
    objective = Greedy(task=IMAGES, tasks=4, steps=4, points=5, queries=4)
    return small(regime, IMAGES, {"mask": mask}, signal=signal, objective=objective)


REMEMBERING = [
    *(remembering(regime, mask) for regime in ("parametric", "explicit", "implicit") for mask in ("full", "causal")),
    *(remembering("parametric", kind=kind, tokens="mean") for kind in ("data", "grad", "grad+data")),
    remembering("parametric", tokens="sample"),
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_chunks_of_an_evaluation_are_other_tasks() -> None:
    """Chunks of one size: those of two sizes differ even if drawn with one seed."""
    config = EvaluationConfig(tasks=6, steps=2, points=3, queries=5, chunk=2)
    first = [queries.y[0] for _, queries in episodes(REGRESSION, config)]
    assert len(first) == 3 and not any(torch.equal(first[i], first[i - 1]) for i in range(3))


@pytest.mark.parametrize("experiment", REMEMBERING)
def test_a_pool_keeps_nothing_that_a_later_loss_could_reach(experiment: Experiment) -> None:
    amortizer, generator = awake(experiment), seeded()
    pool = experiment.objective.fill(amortizer, generator)
    for _ in range(2):
        _, pool = experiment.objective.advance(amortizer, pool, generator)
        assert pool.state.past.numel() and not any(kept.requires_grad for kept in pool.tensors())


@pytest.mark.parametrize("regime", ["parametric", "implicit"])
def test_the_second_loss_of_a_roll_out_does_not_reach_the_start_through_the_past(regime: str) -> None:
    experiment = remembering(regime)
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    losses = rollout_losses(amortizer, LOSSES[IMAGES.loss], batches, queries, window=1)
    for reached in (True, False):
        (found,) = torch.autograd.grad(next(losses), [amortizer.regime.initial], allow_unused=True)
        assert (found is not None) == reached


def entry(amortizer: Amortizer, state: State, batch: Batch) -> Tensor:
    """What a window keeps of a step: the state before it and, if gradients are evidence, that of the batch's loss."""
    if amortizer.refiner.interface.past == amortizer.regime.width:
        return state.value
    theta = state.value.detach().requires_grad_()
    loss = LOSSES[IMAGES.loss](amortizer.f(batch.x, State(theta, state.anchor, state.past)), batch.y)
    return torch.cat([state.value, *torch.autograd.grad(loss.mean(1).sum(), [theta])], dim=-1)


@pytest.mark.parametrize("experiment", REMEMBERING)
def test_a_window_keeps_the_last_states_and_their_gradients_the_oldest_first(experiment: Experiment) -> None:
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    state = amortizer.regime.init(queries.x)
    kept = [torch.zeros_like(state.past[:, : state.value.shape[1]])] * 2
    for batch in batches:
        torch.testing.assert_close(state.past, torch.cat(kept[-2:], dim=1), rtol=1e-4, atol=1e-5)
        kept.append(entry(amortizer, state, batch))
        state = amortizer.step(state, batch)
    assert len(batches) > 2 and all(part.abs().min(0).values.any() for part in kept[2:])


def test_remembered_slots_are_the_past_of_the_slots_of_their_class() -> None:
    experiment = remembering("parametric", kind="data")
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    state, order = amortizer.g(batches[:2], queries.x), torch.tensor([2, 0, 1])
    past = state.past.unflatten(1, (2, 3))
    found = amortizer.step(
        State(state.value[:, order], state.anchor[:, order], past[:, :, order].flatten(1, 2)), batches[2]
    )
    expected = amortizer.step(state, batches[2]).value
    torch.testing.assert_close(found.value, expected[:, order], rtol=1e-3, atol=1e-4)
    mixed = amortizer.step(State(state.value, state.anchor, past[:, :, order].flatten(1, 2)), batches[2])
    assert not torch.allclose(mixed.value, expected, atol=1e-3)


def test_baselines_are_not_tuned_on_tasks_that_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's generator on the CPU takes a seed modulo 2^32."""
    seeds = []

    def recorded(task: Any, generator: torch.Generator, **sizes: int) -> Any:
        seeds.append(generator.initial_seed() % 2**32)
        return episode(task, generator, **sizes)

    monkeypatch.setattr(classical, "episode", recorded)
    classical.for_task.__wrapped__(REGRESSION, points=4, steps=1)
    configs = [made.evaluation for profile in PROFILES for made in registered(profile).values()]
    judging = {(c.seed + i) % 2**32 for c in [EvaluationConfig(), *configs] for i in range(1 + c.tasks // c.chunk)}
    assert len(seeds) == 1 and not judging & set(seeds)


@pytest.mark.parametrize("regime", ["parametric", "implicit"])
def test_captured_updates_go_on_from_a_checkpoint_bit_for_bit(tmp_path: Path, regime: str) -> None:
    """Rates and horizon go on as well, where they would be those of the first updates."""
    config = TrainConfig(updates=24, warmup=6, lr=0.01)
    growing = Greedy(task=REGRESSION, tasks=4, steps=4, points=5, queries=4, growth=0.6, passes_per_fill=1)
    experiment = small(regime, signal=Signal(history=1), objective=growing)

    def trained(until: int, file: str) -> tuple[int, list[Tensor]]:
        model = build(experiment)
        kept, optimizer = Checkpoint(tmp_path / file), adamw(model, config)
        progress = kept.restore(model, optimizer)
        updates = CapturedUpdates(model, optimizer, config, nullcontext())
        while progress.update < until:
            updates.roll_out(growing.grown(progress.update / config.updates), progress.rollout, progress)
            progress.rollout += 1
        kept.save(model, optimizer, progress)
        return progress.update, [torch.stack(progress.losses), *model.parameters()]

    assert 6 < trained(8, "parts")[0] < 24
    whole, resumed = trained(24, "whole"), trained(24, "parts")
    assert whole[0] == resumed[0] and all(torch.equal(*pair) for pair in zip(whole[1], resumed[1]))


@dataclass(frozen=True, kw_only=True)
class Recorded(LinearRegression):
    """Regression that keeps what it drew."""

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        drawn = super().sample(generator, tasks, points)
        self.__dict__.setdefault("drawn", []).append(drawn)
        return drawn


def test_data_are_exact_in_every_precision() -> None:
    found: dict[str, list[Batch]] = {}
    for precision in ("float32", "bfloat16"):
        task = Recorded(dimension=20)
        objective = Greedy(task=task, tasks=4, steps=2, points=5, queries=4)
        experiment = small(task=task, objective=objective, train=TrainConfig(updates=2, warmup=1, precision=precision))
        train(build(experiment), objective, experiment.train, seed=0, show=False)
        found[precision] = task.__dict__["drawn"]
    for exact, low in zip(*found.values(), strict=True):
        assert torch.equal(exact.y, low.y)


def test_weights_that_were_first_used_without_gradients_learn_in_bfloat16() -> None:
    """A random step is reached under no_grad; in some versions of PyTorch autocast's cache keeps weights used there."""
    objective = RandomStep(task=REGRESSION, tasks=4, steps=4, points=5, queries=4)
    experiment = small(objective=objective, signal=Signal(kind="grad+data"))
    cached = []

    def watched(model: Amortizer, generator: torch.Generator, done: float) -> Iterator[Tensor]:
        cached.append((torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled()))
        yield from objective(model, generator, done)

    for seed in range(3):
        model = awake(experiment)
        train(model, watched, TrainConfig(updates=1, warmup=1, precision="bfloat16"), seed=seed, show=False)
        silent = [name for name, p in model.refiner.named_parameters() if p.grad is None or not p.grad.any()]
        assert not silent and cached[-1] == (True, False)


@pytest.mark.parametrize(
    ("regime", "kind", "history", "present"),
    [
        ("implicit", "data", 0, [0, 3]),
        ("implicit", "data", 1, [0, 2, 3]),
        ("parametric", "data", 1, [0, 2, 3]),
        ("parametric", "grad", 0, [1, 3]),
        ("parametric", "grad+data", 0, [0, 1, 3]),
        ("parametric", "grad+data", 1, [0, 1, 2, 3]),
    ],
)
def test_every_token_has_the_embedding_of_its_own_kind(
    regime: str, kind: str, history: int, present: list[int]
) -> None:
    """Kinds are pairs, gradients, past states and slots; those that are absent are not used."""
    experiment = small(regime, signal=Signal(kind=kind, history=history))
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    squared_error(amortizer(batches, queries.x), queries.y).mean().backward()
    assert amortizer.refiner.kinds.grad.any(-1).nonzero()[:, 0].tolist() == present


@pytest.mark.parametrize("mask", ["full", "causal"])
@pytest.mark.parametrize("space", ["logits", "latent", "softmax"])
def test_predictions_differ_between_queries(mask: str, space: str) -> None:
    """Slots start alike: anchors alone say which query is theirs."""
    experiment = small("implicit", IMAGES, {"mask": mask}, space=space)
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    assert (amortizer(batches[:1], queries.x).std(1).amax(-1) > 1e-3).all()


def test_a_model_of_one_context_reads_all_observations_at_once() -> None:
    config = EvaluationConfig(tasks=2, steps=3, points=3, queries=5, one_context=True)
    amortizer = awake(small())
    ((batches, queries),) = episodes(REGRESSION, config)
    found = judged(amortizer, REGRESSION, config)["mse"]["mean"][3]
    at_once, in_turn = (
        squared_error(amortizer(seen, queries.x), queries.y).mean().item() for seen in ([concat(batches)], batches)
    )
    assert found == pytest.approx(at_once, rel=1e-4) and found != pytest.approx(in_turn, rel=1e-2)


def test_probabilities_stay_probabilities() -> None:
    experiment = small("implicit", IMAGES, space="softmax")
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    values = amortizer.g(batches, queries.x).value
    assert (values > 0).all() and (values.std(-1) > 1e-3).any()
    torch.testing.assert_close(values.sum(-1), torch.ones_like(values[..., 0]))


@pytest.mark.parametrize("regime", ["parametric", "explicit"])
def test_slots_of_classes_part_and_are_told_apart(regime: str) -> None:
    """Without anchors slots would stay alike, and gradients, which are a set, could be those of any class."""
    experiment = small(regime, IMAGES, signal=Signal(kind="data"))
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    state = amortizer.g(batches[:1], queries.x)
    assert (state.value.std(1).amax(-1) > 1e-3).all()
    amortizer = awake(replace(experiment, signal=Signal(kind="grad+data")))
    gradients = torch.randn(3, 1, *state.value.shape[1:], generator=seeded())
    steps = [amortizer.refiner(state, Evidence(batches[0], part)).value for part in (gradients, gradients.flip(2))]
    assert (steps[0] - steps[1]).abs().max() > 1e-3
