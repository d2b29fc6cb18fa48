"""Seven families of learners as small instances of f(x, g(D_T)) (eq. 5), all on the planets of `Gravity`.

Heights are in metres and x = (seconds, metres a second); networks work in units of the task's scales.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import grad, vmap

from iai.baselines.learned.processes import perceptron
from iai.evaluation import EvaluationConfig, episodes
from iai.losses import squared_error
from iai.tasks import Gravity, episode
from iai.types import Batch, Learner, concat


class Formula(nn.Module):
    """f(x, g(D_T)): what g returns is all that f learns of a task (with no data, of any task)."""

    def __init__(self, task: Gravity):
        super().__init__()
        self.task = task

    def g(self, batches: Sequence[Batch]) -> Any:
        """What is made of the data, whatever will be asked."""
        raise NotImplementedError

    def f(self, x: Float[Tensor, "tasks q 2"], adapted: Any) -> Float[Tensor, "tasks q 1"]:
        """Heights in metres, from what g made."""
        raise NotImplementedError

    def forward(self, batches: Sequence[Batch], x: Tensor) -> Float[Tensor, "tasks q 1"]:
        """f(x, g(D_T))."""
        return self.f(x, self.g(batches))


def newton(self: Formula, x: Tensor, adapted: Float[Tensor, "#tasks 1"]) -> Tensor:
    """An f: Newton's law, each task at its own gravity in units of the Earth's."""
    return vmap(self.task.decode)(x, adapted.expand(len(x), 1)[:, None])


def small_network(self: Formula, x: Tensor, adapted: Float[Tensor, "#tasks w"]) -> Tensor:
    """An f: a network of one hidden layer, each task with its own weights (4 a unit, and 1)."""
    units = adapted.shape[-1] // 4
    first, shift, last, bias = adapted.split([2 * units, units, units, 1], dim=-1)
    features = torch.tanh(x / self.task.x_scale @ first.view(-1, 2, units) + shift[:, None])
    return self.task.y_scale * (features @ last[..., None] + bias[:, None])


class SGD(Formula):
    """f: Newton's law. g: gradient descent on gravity, from the Earth's. Learned: nothing."""

    f = newton

    def __init__(self, task: Gravity, rate: float = 0.005):
        super().__init__(task)
        self.rate, self.start = rate, torch.ones(1, 1)

    def g(self, batches: Sequence[Batch]) -> Float[Tensor, "#tasks ..."]:
        theta = self.start
        for batch in batches:
            theta = theta - self.rate * gradient(self.f, theta, batch)
        return theta


class MAML(SGD):
    """f: a network. g: gradient descent on its weights. Learned: where it starts."""

    f = small_network

    def __init__(self, task: Gravity, rate: float = 0.05, weights: int = 129):
        super().__init__(task, rate / task.y_scale**2)
        self.start = nn.Parameter(first_weights(weights)[None])


class LearnedOptimizer(Formula):
    """f: Newton's law. g: a recurrent network, fed gradients, moves gravity. Learned: g."""

    f = newton

    def __init__(self, task: Gravity, width: int = 32):
        super().__init__(task)
        self.start = nn.Parameter(torch.ones(1, 1))
        self.memory, self.move = nn.GRUCell(2, width), nn.Linear(width, 1)

    def g(self, batches: Sequence[Batch]) -> Float[Tensor, "#tasks 1"]:
        theta, memory = self.start.clone(), None
        for batch in batches:
            slope = gradient(self.f, theta, batch) / self.task.y_scale**2
            theta = theta.expand_as(slope)
            memory = self.memory(torch.cat([slope, theta], dim=-1), memory)
            theta = theta + self.move(memory)
        return theta


class HyperNetwork(Formula):
    """f: a network. g: another reads all observations and writes its weights. Learned: g."""

    f = small_network

    def __init__(self, task: Gravity, width: int = 64, weights: int = 129):
        super().__init__(task)
        self.read = perceptron(3, width, width, width)
        self.write = perceptron(width + 1, width, width, weights)
        self.start = nn.Parameter(first_weights(weights))

    def g(self, batches: Sequence[Batch]) -> Float[Tensor, "#tasks weights"]:
        return self.start + self.write(pooled(self.read, pairs(self.task, batches)))


class NeuralProcess(Formula):
    """f: a network of query and code. g: the mean of encoded observations. Learned: both."""

    def __init__(self, task: Gravity, width: int = 64, code: int = 64):
        super().__init__(task)
        self.encode = perceptron(3, width, width, code)
        self.decode = perceptron(2 + code + 1, width, width, 1)

    def g(self, batches: Sequence[Batch]) -> Float[Tensor, "#tasks code"]:
        return pooled(self.encode, pairs(self.task, batches))

    def f(self, x: Tensor, adapted: Float[Tensor, "#tasks code"]) -> Tensor:
        code = adapted[:, None].expand(x.shape[0], x.shape[1], -1)
        return self.task.y_scale * self.decode(torch.cat([x / self.task.x_scale, code], dim=-1))


class InContext(Formula):
    """f: a Transformer that reads observations beside queries. g: the identity. Learned: f."""

    def __init__(self, task: Gravity, width: int = 32, depth: int = 2):
        super().__init__(task)
        self.observation, self.query = nn.Linear(3, width), nn.Linear(2, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, 1)

    def g(self, batches: Sequence[Batch]) -> Sequence[Batch]:
        return batches

    def f(self, x: Tensor, adapted: Sequence[Batch]) -> Tensor:
        return self.answer(x, self.observation(pairs(self.task, adapted)))

    def answer(self, x: Tensor, context: Float[Tensor, "#tasks n width"]) -> Tensor:
        """Heights from queries and any tokens as observations; nothing sees a query but itself."""
        queries = self.query(x / self.task.x_scale)
        tokens = torch.cat([context.expand(len(x), -1, -1), queries], dim=1)
        seen, n = context.shape[1], tokens.shape[1]
        hidden = (torch.arange(n) >= seen)[None, :] & ~torch.eye(n, dtype=torch.bool)
        return self.task.y_scale * self.head(self.layers(tokens, mask=hidden)[:, seen:])


class PromptTuning(SGD):
    """f: a Transformer, frozen. g: gradient descent on tokens in place of observations."""

    def __init__(self, pretrained: InContext, tokens: int = 1, rate: float = 0.3, passes: int = 20):
        super().__init__(pretrained.task, rate / pretrained.task.y_scale**2)
        self.frozen = deepcopy(pretrained).requires_grad_(False)
        self.passes = passes
        example = self.task.sample(torch.Generator().manual_seed(0), tokens, 1)
        self.start = self.frozen.observation(pairs(self.task, [example])).transpose(0, 1)

    def g(self, batches: Sequence[Batch]) -> Float[Tensor, "#tasks tokens width"]:
        return super().g([concat(batches)] * self.passes if batches else [])

    def f(self, x: Tensor, adapted: Float[Tensor, "#tasks tokens width"]) -> Tensor:
        return self.frozen.answer(x, adapted)


def first_weights(weights: int) -> Float[Tensor, " weights"]:
    """Random weights for `small_network`: standard normal, the last layer divided by the root of its width."""
    hidden = weights // 4
    return torch.randn(weights) * torch.cat([torch.ones(3 * hidden), torch.full((hidden + 1,), hidden**-0.5)])


def pairs(task: Gravity, batches: Sequence[Batch]) -> Float[Tensor, "#tasks n 3"]:
    """All observations as rows (x, y) in units of the task's scales; no rows, of one task, without data."""
    if not batches:
        return torch.zeros(1, 0, 3)
    seen = concat(batches)
    return torch.cat([seen.x / task.x_scale, seen.y / task.y_scale], dim=-1)


def pooled(network: nn.Module, rows: Float[Tensor, "tasks n d"]) -> Float[Tensor, "#tasks code"]:
    """The mean of a network over rows, and 1 / (1 + n) beside it: how much the mean rests on."""
    n = rows.shape[1]
    mean = network(rows).sum(dim=1) / max(n, 1)
    return torch.cat([mean, torch.full_like(mean[:, :1], 1 / (1 + n))], dim=-1)


def gradient(f: Callable[[Tensor, Tensor], Tensor], state: Tensor, batch: Batch) -> Tensor:
    """The gradient of each task's mean squared error in its own state; differentiable again."""
    slope = grad(lambda state: squared_error(f(batch.x, state), batch.y).mean(-1).sum())
    return slope(state.expand(len(batch.x), *state.shape[1:]))


def amortized(learner: Formula, generator: torch.Generator, done: float) -> Iterator[Float[Tensor, ""]]:
    """Eq. 6: the loss of held-out queries given 0 to 10 mini-batches, through all of g; over the mean square of y."""
    batches, queries = episode(learner.task, generator, tasks=32, steps=10, points=5, queries=16)
    k = int(torch.randint(11, (), generator=generator))
    losses = squared_error(learner(batches[:k], queries.x), queries.y)
    yield losses.mean() / learner.task.y_scale**2


@torch.no_grad()
def height_error(
    learner: Learner, task: Gravity, config: EvaluationConfig, ks: Sequence[int]
) -> list[tuple[float, float]]:
    """Squared error (m^2) of the height without its noise after k mini-batches: mean and standard error over tasks.

    The same seed draws the same planets and throws at any noise, so the noiseless task has the truth of the noisy one.
    """
    rows, noiseless = [], replace(task, noise_sd=0.0)
    for (batches, queries), (_, truth) in zip(episodes(task, config), episodes(noiseless, config)):
        rows.append(torch.stack([squared_error(learner(batches[:k], queries.x), truth.y).mean(-1) for k in ks]))
    return [(row.mean().item(), (row.std() / len(row) ** 0.5).item()) for row in torch.cat(rows, dim=1)]
