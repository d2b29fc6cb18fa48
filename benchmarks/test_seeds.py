"""Three models of one config trained side by side, as stacked weights, beside one after another (the floor)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from common import CONFIG as LONG
from common import adamw, measure, named
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from iai.experiment import Experiment, build
from iai.losses import squared_error
from iai.study.registry import experiment as registered
from iai.tasks import episode
from iai.training.objectives import greedy_loss
from iai.training.optimizer import Progress, learning_rate, train_step
from iai.types import Batch

SEEDS, UPDATES = 3, 3
CONFIG = replace(LONG, lr=1e-3, warmup=1)
fused = F.scaled_dot_product_attention


class OneStep(nn.Module):
    """The greedy loss of a first step as the forward pass of a module."""

    def __init__(self, chosen: Experiment, seed: int):
        super().__init__()
        self.model = build(chosen, seed)

    def forward(self, x: Tensor, y: Tensor, query: Tensor, target: Tensor) -> Tensor:
        state = self.model.regime.init(query)
        return greedy_loss(self.model, squared_error, state, Batch(x, y), Batch(query, target))[0]


def drawn(chosen: Experiment, seed: int, update: int) -> tuple[Tensor, ...]:
    """x, y, query and target of one update of one seed."""
    objective, generator = chosen.objective, torch.Generator().manual_seed(1000 * seed + update)
    sizes = (objective.tasks, 1, objective.points, objective.queries)
    (batch,), queries = episode(objective.task, generator, *sizes)
    return batch.x, batch.y, queries.x, queries.y


def one_by_one(chosen: Experiment) -> tuple[list[OneStep], Callable[[int], None]]:
    """The models, and an update of each in turn."""
    models = [OneStep(chosen, seed) for seed in range(SEEDS)]
    optimizers, done = [adamw(model) for model in models], [Progress() for _ in models]
    data = [[drawn(chosen, seed, i) for i in range(UPDATES)] for seed in range(SEEDS)]

    def update(i: int) -> None:
        for model, optimizer, progress, own in zip(models, optimizers, done, data):
            train_step(model(*own[i % UPDATES]), model, optimizer, CONFIG, progress)

    return models, update


class Attention(torch.autograd.Function):
    """Fused attention, which PyTorch does not batch on a CPU: under vmap, models become more tasks of one call."""

    @staticmethod
    def forward(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return fused(q, k, v)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int, ...], q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, int]:
        models = (part.movedim(at, 0) for part, at in zip((q, k, v), in_dims))
        return fused(*(part.flatten(0, 1) for part in models)).unflatten(0, (info.batch_size, -1)), 0


@pytest.fixture
def batched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refiners attend through `Attention`."""
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda q, k, v, attn_mask: Attention.apply(q, k, v))


class Stacked(nn.Module):
    """Weights of several modules alike, stacked: one loss of each."""

    def __init__(self, models: list[OneStep]):
        super().__init__()
        self.names, self.skeleton = [name for name, _ in models[0].named_parameters()], [models[0]]
        weights, self.held = stack_module_state(models)
        self.weights = nn.ParameterList(weights[name] for name in self.names)

    def forward(self, *data: Tensor) -> Tensor:
        def one(weights: dict[str, Tensor], held: dict[str, Tensor], *own: Tensor) -> Tensor:
            return functional_call(self.skeleton[0], (weights, held), own)

        return vmap(one)(dict(zip(self.names, self.weights)), self.held, *data)

    @torch.no_grad()
    def clip(self, limit: float) -> None:
        """The clipping of each model by its own norm."""
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        norms = sum(gradient.flatten(1).square().sum(1) for gradient in gradients).sqrt()
        shrink = (limit / (norms + 1e-6)).clamp(max=1)
        for gradient in gradients:
            gradient.mul_(shrink.view(-1, *[1] * (gradient.dim() - 1)))


def side_by_side(chosen: Experiment) -> tuple[Stacked, Callable[[int], None]]:
    """The models, and an update of all at once; AdamW works entry by entry, so that stacking changes nothing."""
    model, progress = Stacked([OneStep(chosen, seed) for seed in range(SEEDS)]), Progress()
    optimizer = adamw(model)
    data = [
        [torch.stack(parts) for parts in zip(*(drawn(chosen, seed, i) for seed in range(SEEDS)))]
        for i in range(UPDATES)
    ]

    def update(i: int) -> None:
        optimizer.zero_grad(set_to_none=True)
        model(*data[i % UPDATES]).sum().backward()
        model.clip(CONFIG.clip)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(CONFIG, progress.update)
        optimizer.step()
        progress.update += 1

    return model, update


@pytest.mark.parametrize("profile", ["smoke", "small"])
def test_side_by_side_is_one_by_one(request: pytest.FixtureRequest, profile: str) -> None:
    chosen = registered("table2/linear-regression/data", profile)
    (alone, each), (together, all_at_once) = one_by_one(chosen), side_by_side(chosen)
    for i in range(UPDATES):
        each(i)
    request.getfixturevalue("batched")
    for i in range(UPDATES):
        all_at_once(i)
    for stacked, *single in zip(together.weights, *(model.parameters() for model in alone)):
        torch.testing.assert_close(stacked, torch.stack(single), rtol=1e-4, atol=1e-5)
    assert alone[0].model.refiner.head.weight.abs().max() > 1e-3  # and they moved


@pytest.mark.parametrize("who", ["floor", "side by side"])
@pytest.mark.parametrize("profile", ["smoke", "small"])
def test_seeds(benchmark: Any, request: pytest.FixtureRequest, profile: str, who: str) -> None:
    named(benchmark, f"an update of three seeds, one by one (floor) or side by side: {profile} size", who)
    chosen = registered("table2/linear-regression/data", profile)
    _, update = one_by_one(chosen) if who == "floor" else side_by_side(chosen)
    if who != "floor":
        request.getfixturevalue("batched")
    measure(benchmark, lambda: update(0), rounds=40)
