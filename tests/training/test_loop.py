"""The loop: a resumed run is the uninterrupted one, bit for bit; what goes wrong is named, and the last good kept."""

import math
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from small import small
from torch import Tensor, nn
from tqdm import tqdm

from iai.experiment import build
from iai.model import Signal
from iai.study.jobs import run
from iai.tasks import LinearRegression
from iai.training import Checkpoint, Greedy, RandomStep, Unrolled, checkpoint, loop
from iai.training.loop import Diverged, Interrupted, TrainConfig, generator_of, pick_device, train
from iai.training.optimizer import learning_rate
from iai.types import UserError

CONFIG = TrainConfig(updates=12, warmup=2, lr=0.05)


def line() -> nn.Module:
    model = nn.Linear(2, 1)
    nn.init.ones_(model.weight)
    nn.init.zeros_(model.bias)
    return model


def fit_noise(model: nn.Module, generator: torch.Generator, done: float) -> Iterator[Tensor]:
    """Two updates a roll-out, from its random numbers alone."""
    for _ in range(2):
        x = torch.randn(4, 2, generator=generator)
        yield (model(x) - x.sum(-1, keepdim=True) ** 2).square().mean()


def stopping_at(update: int, number: int):
    """The same, but a signal arrives during an update."""
    seen = 0

    def objective(model: nn.Module, generator: torch.Generator, done: float) -> Iterator[Tensor]:
        nonlocal seen
        for loss in fit_noise(model, generator, done):
            if seen == update:
                os.kill(os.getpid(), number)
            seen += 1
            yield loss

    return objective


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path: Path, number: int) -> None:
    whole = line()
    straight = train(whole, fit_noise, CONFIG, seed=3, show=False)
    path, before = tmp_path / "run.safetensors", signal.getsignal(number)
    with pytest.raises(Interrupted, match=r"after update 6 of 12; checkpoint at .*run\.safetensors; run the same"):
        train(line(), stopping_at(4, number), CONFIG, seed=3, checkpoint=Checkpoint(path), show=False)
    assert signal.getsignal(number) == before
    assert checkpoint.read(path)[1]["progress"]["update"] == 6
    resumed = line()
    progress = train(resumed, fit_noise, CONFIG, seed=3, checkpoint=Checkpoint(path), show=False)
    assert torch.equal(weights(resumed), weights(whole))
    assert [loss.item() for loss in progress.losses] == [loss.item() for loss in straight.losses]


@pytest.mark.parametrize(
    ("regime", "more"),
    [
        ("parametric", {}),
        ("explicit", {}),
        ("implicit", {}),
        ("parametric", {"optimizer": "muon"}),
    ],
)
def test_amortizers_resume_bit_for_bit(tmp_path: Path, regime: str, more: Any) -> None:
    experiment = small(regime, signal=Signal(history=1), train=TrainConfig(updates=16, warmup=2, lr=0.01, **more))
    whole, first, second = (build(experiment) for _ in range(3))
    train(whole, experiment.objective, experiment.train, seed=0, show=False)
    path = tmp_path / "run.safetensors"
    calls = 0

    def interrupted(model: nn.Module, generator: torch.Generator, done: float) -> Iterator[Tensor]:
        nonlocal calls
        calls += 1
        if calls == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        yield from experiment.objective(model, generator, done)

    kept = Checkpoint(path, {"objective": "the same"})
    with pytest.raises(Interrupted):
        train(first, interrupted, experiment.train, seed=0, checkpoint=kept, show=False)
    train(second, experiment.objective, experiment.train, seed=0, checkpoint=kept, show=False)
    assert torch.equal(weights(second), weights(whole)) and not torch.equal(weights(second), weights(first))


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    done, again = line(), line()
    train(done, fit_noise, CONFIG, seed=0, checkpoint=Checkpoint(path), show=False)
    assert train(again, fit_noise, CONFIG, seed=0, checkpoint=Checkpoint(path), show=False).update == 12
    assert torch.equal(weights(done), weights(again))


def failing_at(update: int, how: str):
    """Noise, until an update's loss, or only its gradient, is not a number."""
    seen = 0

    def objective(model: nn.Module, generator: torch.Generator, done: float) -> Iterator[Tensor]:
        nonlocal seen
        for loss in fit_noise(model, generator, done):
            zero = 0 * model.bias.sum()
            bad = {"loss": loss * math.nan, "gradient": loss + zero.square().sqrt()}[how]
            seen += 1
            yield bad if seen - 1 == update else loss

    return objective


@pytest.mark.parametrize(
    ("how", "update", "message"),
    [("loss", 7, "the loss of update 7 is nan"), ("gradient", 11, "weights are not finite after update 11")],
)
def test_what_is_not_finite_stops_and_keeps_the_last_good_checkpoint(tmp_path, how, update, message) -> None:
    path = tmp_path / "run.safetensors"
    with pytest.raises(Interrupted):
        train(line(), stopping_at(2, signal.SIGTERM), CONFIG, seed=0, checkpoint=Checkpoint(path), show=False)
    good = path.read_bytes()
    with pytest.raises(Diverged, match=f"{message}.*last good checkpoint is .*lower lr or clip"):
        train(line(), failing_at(update - 4, how), CONFIG, seed=0, checkpoint=Checkpoint(path), show=False)
    assert path.read_bytes() == good


def test_divergence_without_a_checkpoint_names_none() -> None:
    with pytest.raises(Diverged) as error:
        train(line(), failing_at(3, "loss"), CONFIG, seed=0, show=False)
    assert "update 3" in str(error.value) and "checkpoint" not in str(error.value)


def test_a_checkpoint_of_another_configuration_or_seed_is_refused(tmp_path: Path) -> None:
    path, mine = tmp_path / "run.safetensors", {"config_hash": "a", "seed": 0, "sources_hash": "s"}
    train(line(), fit_noise, CONFIG, seed=0, checkpoint=Checkpoint(path, mine), show=False)
    others = ({"config_hash": "b"}, {"seed": 1}, {"sources_hash": "t"})
    words = run.MUST_MATCH
    for other, word in zip(others, words.values()):
        with pytest.raises(UserError, match=f"another {word}"):
            train(line(), fit_noise, CONFIG, seed=0, checkpoint=Checkpoint(path, mine | other, words), show=False)


class Plain:
    """A task that is no dataclass: its text has an address in memory, which another process has not."""

    dx, dy, loss = 2, 1, "squared_error"
    sample = LinearRegression(dimension=2).sample


@pytest.mark.parametrize("task", [LinearRegression(dimension=2), Plain()])
def test_a_path_is_enough_and_goes_on_with_the_same_training_alone(tmp_path: Path, task: Any) -> None:
    chosen, path = small("implicit", task), tmp_path / "a.safetensors"
    whole = build(chosen)
    train(whole, chosen.objective, chosen.train, seed=0, checkpoint=str(path), show=False)
    again = build(chosen)
    same = replace(chosen.objective, task=Plain()) if isinstance(task, Plain) else chosen.objective
    assert train(again, same, chosen.train, seed=0, checkpoint=path, show=False).update == 8
    assert torch.equal(weights(again), weights(whole))
    for other in ({"mask": "causal"}, {"update": "absolute"}, {"heads": 4}):
        changed = build(small("implicit", task, other))
        with pytest.raises(UserError, match="belongs to another model"):
            train(changed, chosen.objective, chosen.train, seed=0, checkpoint=path, show=False)
    sooner = replace(chosen.train, checkpoint_seconds=1.0)
    assert train(build(chosen), same, sooner, seed=0, checkpoint=path, show=False).update == 8
    for word, objective, config, seed in (
        ("objective", replace(chosen.objective, points=4), chosen.train, 0),
        ("objective", replace(chosen.objective, task=LinearRegression(dimension=2, bias=False)), chosen.train, 0),
        ("training settings", chosen.objective, replace(chosen.train, lr=1.0, updates=16), 0),
        ("seed", chosen.objective, chosen.train, 1),
    ):
        with pytest.raises(UserError, match=f"belongs to another {word}"):
            train(build(chosen), objective, config, seed=seed, checkpoint=path, show=False)


@pytest.mark.parametrize("updates", [1, 7, 8, 50])
@pytest.mark.parametrize("objective", [Greedy, Unrolled, RandomStep])
def test_a_training_makes_the_updates_that_its_config_says(updates: int, objective: Any, monkeypatch) -> None:
    """Also where the last roll-out has more of them; and the bar counts to that number."""
    shown: list[Any] = []
    monkeypatch.setattr(loop, "tqdm", lambda **options: shown.append(tqdm(**options)) or shown[-1])
    sizes = {"task": LinearRegression(dimension=2), "tasks": 4, "steps": 2, "points": 5, "queries": 4}
    config = TrainConfig(updates=updates, warmup=1)
    progress = train(build(small()), objective(**sizes), config, seed=0, show=False)
    assert progress.update == len(progress.losses) == updates
    assert shown[0].total == updates


def test_a_resumed_training_makes_no_update_more(tmp_path: Path) -> None:
    config = replace(CONFIG, updates=7)
    with pytest.raises(Interrupted):
        train(line(), stopping_at(3, signal.SIGTERM), config, seed=0, checkpoint=tmp_path / "a", show=False)
    progress = train(line(), fit_noise, config, seed=0, checkpoint=tmp_path / "a", show=False)
    assert progress.update == len(progress.losses) == 7


def test_a_tracker_hears_every_loss_once_and_goes_on_after_a_stop(tmp_path: Path) -> None:
    heard: list[tuple[int, float]] = []
    log = lambda update, loss: heard.append((update, loss))  # noqa: E731
    with pytest.raises(Interrupted):
        train(line(), stopping_at(4, signal.SIGTERM), CONFIG, seed=0, checkpoint=tmp_path / "a", show=False, log=log)
    assert [update for update, _ in heard] == list(range(6))
    progress = train(line(), fit_noise, CONFIG, seed=0, checkpoint=tmp_path / "a", show=False, log=log)
    assert heard == [(update, loss.item()) for update, loss in enumerate(progress.losses)]


def test_a_loss_that_is_not_finite_before_any_update_is_no_matter_of_the_rate() -> None:
    with pytest.raises(Diverged, match="look at the task's data") as error:
        train(line(), failing_at(0, "loss"), CONFIG, seed=0, show=False)
    assert "lower lr" not in str(error.value)


def test_a_second_signal_is_obeyed_at_once() -> None:
    def stubborn(model: nn.Module, generator: torch.Generator, done: float) -> Iterator[Tensor]:
        for loss in fit_noise(model, generator, done):
            os.kill(os.getpid(), signal.SIGINT)
            yield loss

    with pytest.raises(KeyboardInterrupt) as error:
        train(line(), stubborn, CONFIG, seed=0, show=False)
    assert not isinstance(error.value, Interrupted)


def test_a_second_sigterm_is_not_batch_systems_send_several(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"

    def stubborn(model: nn.Module, generator: torch.Generator, done: float) -> Iterator[Tensor]:
        for loss in fit_noise(model, generator, done):
            os.kill(os.getpid(), signal.SIGTERM)
            yield loss

    with pytest.raises(Interrupted, match="after update 2 of 12"):
        train(line(), stubborn, CONFIG, seed=0, checkpoint=Checkpoint(path), show=False)
    assert path.exists()


def test_the_learning_rate_warms_up_and_decays_to_a_hundredth() -> None:
    config = TrainConfig(updates=110, warmup=10, lr=1.0)
    rates = [learning_rate(config, update) for update in range(111)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rates[10] == pytest.approx(1.0) and rates[60] == pytest.approx(0.505) and rates[110] == pytest.approx(0.01)
    assert all(later < sooner for sooner, later in pairwise(rates[10:]))


def test_the_objective_is_told_how_much_of_the_training_is_over() -> None:
    heard: list[float] = []

    def objective(model: nn.Module, generator: torch.Generator, done: float) -> Iterator[Tensor]:
        heard.append(done)
        return fit_noise(model, generator, done)

    train(line(), objective, CONFIG, seed=0, show=False)
    assert heard == pytest.approx([i / 6 for i in range(6)])


def test_the_backward_pass_stays_out_of_autocast() -> None:
    seen: list[tuple[torch.dtype, bool]] = []

    def objective(model: nn.Module, generator: torch.Generator, done: float) -> Iterator[Tensor]:
        for loss in fit_noise(model, generator, done):
            dtype = model(torch.ones(1, 2)).dtype
            loss.register_hook(lambda grad, dtype=dtype: seen.append((dtype, torch.is_autocast_enabled("cpu"))))
            yield loss

    train(line(), objective, replace(CONFIG, updates=4, precision="bfloat16"), seed=0, show=False)
    assert seen == [(torch.bfloat16, False)] * 4


def test_an_update_is_adamw_at_the_scheduled_rate_on_clipped_gradients() -> None:
    config = TrainConfig(updates=4, warmup=2, lr=0.05, weight_decay=0.1, clip=0.4, betas=(0.5, 0.75))
    model, twin = line(), line()
    train(model, fit_noise, config, seed=3, show=False)
    first, second = ([torch.zeros_like(p) for p in twin.parameters()] for _ in range(2))
    for update in range(4):
        rollout, which = divmod(update, 2)
        loss = list(fit_noise(twin, generator_of(3, rollout), 0.0))[which]
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        norm = torch.cat([g.flatten() for g in gradients]).norm()
        assert norm > config.clip, "clipping is put to the test"
        rate = learning_rate(config, update)
        with torch.no_grad():
            for p, g, m, v in zip(twin.parameters(), gradients, first, second):
                g = g * config.clip / (norm + 1e-6)
                m.mul_(0.5).add_(0.5 * g)
                v.mul_(0.75).add_(0.25 * g**2)
                p.mul_(1 - rate * config.weight_decay)
                p -= rate * (m / (1 - 0.5 ** (update + 1))) / ((v / (1 - 0.75 ** (update + 1))).sqrt() + 1e-8)
    torch.testing.assert_close(weights(model), weights(twin))


def test_random_numbers_are_a_function_of_seed_and_roll_out() -> None:
    draws = {torch.rand((), generator=generator_of(seed, rollout)).item() for seed in (0, 1) for rollout in (0, 1)}
    assert len(draws) == 4
    assert torch.rand((), generator=generator_of(1, 1)).item() in draws
    model, state = line(), torch.get_rng_state()
    train(model, fit_noise, CONFIG, seed=0, show=False)
    assert torch.equal(torch.get_rng_state(), state)  # the global generator is nobody's


def test_training_works_on_the_device_of_its_weights_and_changes_no_setting_of_the_process(monkeypatch) -> None:
    places, original = [], torch.cuda.device_of
    monkeypatch.setattr(torch.cuda, "device_of", lambda tensor: places.append(tensor.device) or original(tensor))
    train(line(), fit_noise, CONFIG, seed=0, show=False)
    assert places == [torch.device("cpu")]
    monkeypatch.setattr(torch, "zeros", Mock())  # as if there were a GPU
    assert pick_device("cuda:1") == torch.device("cuda:1") and not torch.backends.cuda.matmul.allow_tf32


def test_an_unknown_device_is_told_with_what_there_is() -> None:
    assert pick_device("cpu").type == "cpu"
    for name in ("gpu0", "mps", "cuda:99", "meta"):
        with pytest.raises(UserError, match=f"{name}.* choose '(cpu|cuda)' or leave it out"):
            pick_device(name)
