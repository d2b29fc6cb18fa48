"""Second-order MAML of chapter 1 beside `vmap(grad)` by hand (the floor), higher and TorchOpt, and equal to them."""

from collections.abc import Callable
from typing import Any, ClassVar

import formulas
import pytest
import torch
from common import measure
from torch import Tensor, nn
from torch.func import grad, vmap

from iai.losses import squared_error
from iai.types import Batch


class Perceptrons(formulas.MAML):
    """MAML of chapter 1 on sinusoids, with networks 1-40-40-1 whose weights are one vector a task."""

    SIZES: ClassVar = [(1, 40), (40, 40), (40, 1)]

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.rate = 0.01
        parts = [torch.randn(i, o) / i**0.5 for i, o in self.SIZES]
        self.start = nn.Parameter(torch.cat([torch.cat([w.flatten(), torch.zeros(w.shape[1])]) for w in parts])[None])

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


def higher_loss(start: Tensor, batch: Batch, queries: Batch, steps: int, rate: float) -> tuple[Tensor, Tensor]:
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


def torchopt_loss(start: Tensor, batch: Batch, queries: Batch, steps: int, rate: float) -> tuple[Tensor, Tensor]:
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
    other, start = PEERS[who](model.start[0], batch, queries, steps, model.rate)
    torch.testing.assert_close(ours, other, rtol=1e-4, atol=0)
    (first,) = torch.autograd.grad(ours, model.start)
    (second,) = torch.autograd.grad(other, start)
    torch.testing.assert_close(first[0], second, rtol=1e-3, atol=1e-3)


def maml(who: str, steps: int) -> Callable[[], object]:
    """One meta-update; peers are spared the step of the outer optimizer."""
    model, (batch, queries) = Perceptrons(), sinusoids()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        if who == "ours":
            loss = squared_error(model([batch] * steps, queries.x), queries.y).mean()
        else:
            loss, _ = PEERS[who](model.start[0], batch, queries, steps, model.rate)
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
