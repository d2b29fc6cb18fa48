"""What our steps cost beside a floor and beside other people's code, one thread, in one run: `make bench`.

Every group has one member named "floor"; `ratios.py` divides medians by its median.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import grad, vmap

from iai import examples
from iai.amortizer import Amortizer
from iai.configs import Experiment, build
from iai.evaluate import EvaluationConfig
from iai.losses import squared_error
from iai.objectives import Greedy, greedy_loss, rollout_losses
from iai.refiner import RefinerConfig
from iai.regimes import Signal
from iai.tasks import LinearRegression, episode
from iai.train import Progress, TrainConfig, follow
from iai.types import Batch

ROUNDS = 25
CONFIG = TrainConfig(updates=10_000, lr=1e-4)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def measure(benchmark: Any, work: Callable[[], object], rounds: int = ROUNDS) -> None:
    benchmark.pedantic(work, rounds=rounds, iterations=1, warmup_rounds=3)


def experiment(regime: str, **changes: Any) -> Experiment:
    """The size of the yardstick: d = 20, 4 layers of width 128, 4 heads, 64 tasks of 40 + 20 points."""
    task = LinearRegression(dimension=20, bias=False)
    return replace(
        Experiment(
            regime=regime,
            objective=Greedy(task=task, tasks=64, steps=1, points=40, queries=20),
            evaluation_sets={},
            evaluation=EvaluationConfig(),
            refiner=RefinerConfig(width=128, depth=4, heads=4, feedforward=512, bilinear=False),
        ),
        **changes,
    )


def adamw(model: nn.Module) -> torch.optim.AdamW:
    return torch.optim.AdamW(model.parameters(), lr=CONFIG.lr, fused=True)


class Plain(nn.Module):
    """The floor of an in-context step: pre-norm Transformer on fused attention, and nothing else."""

    def __init__(self, d: int, width: int = 128, depth: int = 4, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.context, self.query = nn.Linear(d + 1, width), nn.Linear(d, width)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    nn.LayerNorm(width),
                    nn.Linear(width, 3 * width),
                    nn.Linear(width, width),
                    nn.LayerNorm(width),
                    nn.Linear(width, 4 * width),
                    nn.Linear(4 * width, width),
                ]
            )
            for _ in range(depth)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1)

    def forward(self, batch: Batch, x: Tensor) -> Tensor:
        tokens = torch.cat([self.context(torch.cat([batch.x, batch.y], -1)), self.query(x)], dim=1)
        n, t = batch.points, tokens.shape[1]
        mask = (torch.arange(t) < n)[None, :] | torch.eye(t, dtype=torch.bool)
        for norm, qkv, out, norm2, up, down in self.layers:
            q, k, v = qkv(norm(tokens)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            tokens = tokens + out(attended.transpose(1, 2).flatten(2))
            tokens = tokens + down(F.gelu(up(norm2(tokens))))
        return self.head(self.norm(tokens[:, n:]))


def regression() -> tuple[Batch, Batch]:
    chosen = experiment("implicit").objective
    (batch,), queries = episode(chosen.task, torch.Generator().manual_seed(0), 64, 1, 40, 20)
    return batch, queries


@pytest.mark.benchmark(group="implicit step")
def test_floor_plain_transformer(benchmark: Any) -> None:
    (batch, queries), model = regression(), Plain(20)
    optimizer, progress = adamw(model), Progress()

    def step() -> None:
        loss = squared_error(model(batch, queries.x), queries.y).mean()
        follow(loss, model, optimizer, CONFIG, progress)

    measure(benchmark, step)


@pytest.mark.benchmark(group="implicit step")
def test_ours_implicit(benchmark: Any) -> None:
    (batch, queries), model = regression(), build(experiment("implicit"))
    optimizer, progress = adamw(model), Progress()

    def step() -> None:
        loss, _ = greedy_loss(model, squared_error, model.regime.init(queries.x), batch, queries)
        follow(loss, model, optimizer, CONFIG, progress)

    measure(benchmark, step)


class Perceptrons(examples.MAML):
    """MAML of chapter 1 on sinusoids, with networks 1-40-40-1 whose weights are one vector a task."""

    SIZES: ClassVar = [(1, 40), (40, 40), (40, 1)]

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.rate = 0.01
        parts = [torch.randn(i, o) / i**0.5 for i, o in self.SIZES]
        self.start = nn.Parameter(
            torch.cat([torch.cat([w.flatten(), torch.zeros(w.shape[1])]) for w in parts])
        )

    def f(self, x: Tensor, adapted: Tensor) -> Tensor:
        return vmap(network)(x, adapted.expand(len(x), -1))


def network(x: Tensor, theta: Tensor) -> Tensor:
    """One task: a perceptron with its weights in a vector."""
    last = len(Perceptrons.SIZES) - 1
    for layer, (i, o) in enumerate(Perceptrons.SIZES):
        weight, bias, theta = theta.split([i * o, o, len(theta) - i * o - o])
        x = x @ weight.view(i, o) + bias
        x = x.relu() if layer < last else x
    return x


def sinusoids(tasks: int = 32, points: int = 10) -> tuple[Batch, Batch]:
    generator = torch.Generator().manual_seed(0)
    amplitude, phase = torch.rand(2, tasks, 1, 1, generator=generator)
    x = 10 * torch.rand(tasks, 2 * points, 1, generator=generator) - 5
    y = (0.1 + 4.9 * amplitude) * torch.sin(x + 3.14159 * phase)
    whole = Batch(x, y)
    return whole[:points], whole[points:]


def floor_loss(start: Tensor, batch: Batch, queries: Batch, steps: int, rate: float) -> tuple[Tensor, Tensor]:
    """Second-order MAML by hand, vmap of grad and no abstraction: the loss, and the start that it depends on."""

    def inner(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return (network(x, theta) - y).square().mean()

    def outer(x: Tensor, y: Tensor, q: Tensor, t: Tensor) -> Tensor:
        theta = start
        for _ in range(steps):
            theta = theta - rate * grad(inner)(theta, x, y)
        return inner(theta, q, t)

    return vmap(outer)(batch.x, batch.y, queries.x, queries.y).mean(), start


class Layered(nn.Module):
    """The same network as a module, as other people's meta-learning libraries want it."""

    def __init__(self, start: Tensor):
        super().__init__()
        self.start = nn.Parameter(start.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return network(x, self.start)


def higher_loss(
    start: Tensor, batch: Batch, queries: Batch, steps: int, rate: float
) -> tuple[Tensor, Tensor]:
    """Second-order MAML with `higher`, task by task."""
    higher = pytest.importorskip("higher")
    net, losses = Layered(start), []
    plain = torch.optim.SGD(net.parameters(), lr=rate)
    for x, y, q, t in zip(batch.x, batch.y, queries.x, queries.y):
        with higher.innerloop_ctx(net, plain, copy_initial_weights=False) as (adapted, inner):
            for _ in range(steps):
                inner.step((adapted(x) - y).square().mean())
            losses.append((adapted(q) - t).square().mean())
    return torch.stack(losses).mean(), net.start


def torchopt_loss(
    start: Tensor, batch: Batch, queries: Batch, steps: int, rate: float
) -> tuple[Tensor, Tensor]:
    """Second-order MAML with TorchOpt's differentiable optimizer, task by task."""
    torchopt = pytest.importorskip("torchopt")
    net, losses = Layered(start), []
    first = net.start
    inner = torchopt.MetaSGD(net, lr=rate)
    weights, moments = torchopt.extract_state_dict(net), torchopt.extract_state_dict(inner)
    for x, y, q, t in zip(batch.x, batch.y, queries.x, queries.y):
        for _ in range(steps):
            inner.step((net(x) - y).square().mean())
        losses.append((net(q) - t).square().mean())
        torchopt.recover_state_dict(net, weights)
        torchopt.recover_state_dict(inner, moments)
    return torch.stack(losses).mean(), first


PEERS: dict[str, Any] = {"floor": floor_loss, "higher": higher_loss, "torchopt": torchopt_loss}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("who", list(PEERS))
@pytest.mark.parametrize("steps", [1, 5])
def test_maml_losses_agree(who: str, steps: int) -> None:
    model, (batch, queries) = Perceptrons(), sinusoids()
    ours = squared_error(model([batch] * steps, queries.x), queries.y).mean()
    other, start = PEERS[who](model.start, batch, queries, steps, model.rate)
    torch.testing.assert_close(ours, other, rtol=1e-4, atol=0)
    (first,) = torch.autograd.grad(ours, model.start)
    (second,) = torch.autograd.grad(other, start)
    torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-3)


def maml(who: str, steps: int) -> Callable[[], object]:
    """One meta-update; peers are spared the step of the outer optimizer."""
    model, (batch, queries) = Perceptrons(), sinusoids()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        if who == "ours":
            loss = squared_error(model([batch] * steps, queries.x), queries.y).mean()
        else:
            loss, _ = PEERS[who](model.start, batch, queries, steps, model.rate)
        loss.backward()
        if who in ("ours", "floor"):
            optimizer.step()

    step()
    return step


@pytest.mark.benchmark(group="second-order MAML, 1 step")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("who", ["floor", "ours", "higher", "torchopt"])
def test_maml_1(benchmark: Any, who: str) -> None:
    measure(benchmark, maml(who, 1))


@pytest.mark.benchmark(group="second-order MAML, 5 steps")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("who", ["floor", "ours", "higher", "torchopt"])
def test_maml_5(benchmark: Any, who: str) -> None:
    measure(benchmark, maml(who, 5))


def pool(steps: int = 10, tasks: int = 40) -> tuple[Amortizer, Greedy]:
    objective = Greedy(task=LinearRegression(dimension=10), tasks=tasks, steps=steps, points=10, queries=20)
    return build(experiment("parametric", objective=objective, signal=Signal(kind="data"))), objective


@pytest.mark.benchmark(group="400 trained states")
def test_floor_unrolled_greedy(benchmark: Any) -> None:
    """Ten updates on all tasks, one a step: what the pool must not be dearer than."""
    (model, objective), generator = pool(), torch.Generator().manual_seed(0)
    optimizer, progress = adamw(model), Progress()

    def rollout() -> None:
        batches, queries = episode(objective.task, generator, 40, 10, 10, 20)
        for loss in rollout_losses(model, squared_error, batches, queries, detach=True):
            follow(loss, model, optimizer, CONFIG, progress)

    measure(benchmark, rollout)


@pytest.mark.benchmark(group="400 trained states")
def test_ours_pool(benchmark: Any) -> None:
    """Ten updates of the pool, the filling of it paid for in proportion (a pool lives for forty)."""
    model, objective = pool()
    optimizer, progress = adamw(model), Progress()
    losses = iter(())

    def updates() -> None:
        nonlocal losses
        for _ in range(10):
            loss = next(losses, None)
            if loss is None:
                losses = objective(model, torch.Generator().manual_seed(progress.update))
                loss = next(losses)
            follow(loss, model, optimizer, CONFIG, progress)

    measure(benchmark, updates, rounds=40)


def contexts(mask: str) -> Callable[[], object]:
    """A greedy update that trains one context size under the full mask, and many under the causal one."""
    chosen = experiment("implicit")
    chosen = replace(chosen, refiner=replace(chosen.refiner, mask=mask))
    model = build(chosen)
    optimizer, progress = adamw(model), Progress()
    counter = iter(range(1_000_000))

    def update() -> None:
        loss = next(chosen.objective(model, torch.Generator().manual_seed(next(counter))))
        follow(loss, model, optimizer, CONFIG, progress)

    return update


@pytest.mark.benchmark(group="one update: one context size (floor), or a size a query (causal)")
@pytest.mark.parametrize(("who", "mask"), [("floor", "full"), ("ours", "causal")])
def test_context_sizes(benchmark: Any, who: str, mask: str) -> None:
    measure(benchmark, contexts(mask))


def optimizer_step(who: str) -> Callable[[], object]:
    """One step on a linear softmax of 784 x 10 from a batch of 32."""
    x, y = torch.randn(32, 784), torch.randint(10, (32,))
    theta = nn.Parameter(torch.zeros(10, 785))
    adam = torch.optim.Adam([theta], lr=1e-2, fused=True)

    def classical() -> None:
        adam.zero_grad()
        F.cross_entropy(x @ theta[:, :-1].T + theta[:, -1], y).backward()
        adam.step()

    from iai.tasks import Images

    task = Images(law="permutation", source="sample")
    chosen = experiment(
        "parametric",
        signal=Signal(kind="grad"),
        objective=replace(experiment("implicit").objective, task=task),
    )
    model, batch = build(chosen), Batch(x[None], F.one_hot(y, 10).float()[None])
    state = model.regime.init(x[None])
    return classical if who == "floor" else partial(torch.no_grad()(model.step), state, batch)


@pytest.mark.benchmark(
    group="one step on a softmax of 784 x 10: Adam (floor), a learned optimizer of 4 layers"
)
@pytest.mark.parametrize("who", ["floor", "ours"])
def test_optimizer_step(benchmark: Any, who: str) -> None:
    measure(benchmark, optimizer_step(who), rounds=100)


def refinement(n: int, width: int, k: int) -> Callable[[], object]:
    chosen = experiment("implicit")
    chosen = replace(chosen, refiner=replace(chosen.refiner, width=width, feedforward=4 * width))
    batches, queries = episode(chosen.objective.task, torch.Generator().manual_seed(0), 8, k, n, 8)
    return partial(torch.no_grad()(build(chosen)), batches, queries.x)


GROWTH = (
    {f"n = {40 * 2**i}": (40 * 2**i, 128, 1) for i in range(5)}
    | {f"width = {32 * 2**i}": (40, 32 * 2**i, 1) for i in range(5)}
    | {f"k = {2**i}": (40, 128, 2**i) for i in range(5)}
)


@pytest.mark.benchmark(group="growth")
@pytest.mark.parametrize("size", list(GROWTH), ids=list(GROWTH))
def test_growth(benchmark: Any, size: str) -> None:
    measure(benchmark, refinement(*GROWTH[size]), rounds=20)
