"""Topological order: which variables cause which, from observations of a structural causal model.

Structural equations x_t = f_t(parents of t) + noise are those of many models at once, nodes in causal order.
"""

import math
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from iai.fields import Amount, Bounds, Size, config
from iai.tasks.graphs import Family, Graphs, ordered, permutations, relabelled
from iai.types import Batch, Episode, UserError

Mechanism = Literal["linear", "fourier"]
Noise = Literal["gaussian", "laplace"]

FEATURES = 64
"""Random Fourier features of a mechanism."""

Equations = Callable[[Tensor], Tensor]
"""f_t of every node t: observations of the nodes 0 ... t - 1, `tasks n t`, to `tasks n`."""


@config
class CausalOrder:
    """A task is a random DAG over d `nodes` with random equations: x_t = f_t(parents of t) + noise.

    A task draws one of `graphs`, one of `mechanisms`, 1 to `densest` edges a node, as far as d nodes allow, and for
    each node a noise of sd U(`noise_sd`). Nodes are numbered at random and standardised over the data set D_T, so
    variances are uninformative. In linear models, whose weights are at least 1, the share of a node's variance that
    the others explain is still informative (Reisach et al. 2023): `baselines.SortBy(number="r2")`.

    The queries are not observations but the d nodes: x = sqrt(d) e_i, of RMS 1 as the data, and y_j = 1 where i -> j.
    An observation has no target: its y is its x, so that the product of their encodings is quadratic in x.
    """

    nodes: Annotated[int, Bounds(2)] = 6
    graphs: tuple[Family, ...] = ("erdos-renyi", "scale-free")
    mechanisms: tuple[Mechanism, ...] = ("linear", "fourier")
    noise: Noise = "gaussian"
    densest: Size = 3
    noise_sd: tuple[Amount, Amount] = (0.5, 2.0)

    loss: ClassVar[str] = "edge_cross_entropy"

    @property
    def dx(self) -> int:
        return self.nodes

    dy = dx

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        """Observations of new tasks, x `tasks points d` and y the same."""
        return self.episode(generator, tasks, 1, points, self.nodes)[0][0]

    def episode(self, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int) -> Episode:
        """`steps` mini-batches of `points` observations of new tasks, and the d nodes as queries.

        Raises `UserError` where `queries` is not d.
        """
        if queries != self.nodes:
            raise UserError(f"{queries} queries, but they are the {self.nodes} nodes: queries={self.nodes}")
        device = generator.device
        edges = torch.randint(1, self.densest + 1, (tasks,), generator=generator, device=device)
        graph = ordered(generator, self.graphs, edges, self.nodes)
        x = self.observe(generator, graph, steps * points)
        names = permutations(generator, tasks, self.nodes)
        x = standardised(x.gather(2, names[:, None].expand_as(x)))
        nodes = math.sqrt(self.nodes) * torch.eye(self.nodes, device=device).expand(tasks, -1, -1)
        batches = [Batch(part, part) for part in x.split(points, dim=1)] if steps else []
        return batches, Batch(nodes, relabelled(graph, names).to(x.dtype))

    def observe(self, generator: torch.Generator, graph: Graphs, points: int) -> Float[Tensor, "tasks n d"]:
        """Observations of new models on given graphs, nodes in causal order, in their own units."""
        tasks, device = len(graph), generator.device
        low, high = self.noise_sd
        sd = low + (high - low) * torch.rand(tasks, 1, self.nodes, generator=generator, device=device)
        noise = sd * unit_noise(generator, self.noise, (tasks, points, self.nodes))
        drawn = [simulate(MECHANISMS[name](generator, graph), noise) for name in self.mechanisms]
        mechanism = torch.randint(len(drawn), (tasks,), generator=generator, device=device)
        return torch.stack(drawn)[mechanism, torch.arange(tasks, device=device)]


def linear(generator: torch.Generator, graph: Graphs) -> Equations:
    """f_t(x) = sum_i weights[i, t] x_i, with weights of random sign and size U(1, 3) where i is a parent of t."""
    uniform = 2 * torch.rand(graph.shape, generator=generator, device=graph.device) - 1
    weights = (uniform.sign() + 2 * uniform) * graph

    def equations(earlier: Float[Tensor, "tasks n t"]) -> Float[Tensor, "tasks n"]:
        node = earlier.shape[-1]
        return (earlier @ weights[:, :node, node, None])[..., 0]

    return equations


def fourier(generator: torch.Generator, graph: Graphs) -> Equations:
    """f_t(x) = sum_m amplitudes[t, m] cos(frequencies[t, :, m] . x + phases[t, m]), of standardised x.

    Functions of length scale 1, in sds of a parent, whose own sd over functions is U(1, 3): in the limit of many
    features a Gaussian process with a squared-exponential kernel (Rahimi, Recht 2007).
    """
    tasks, nodes, _ = graph.shape
    device, shape = graph.device, (tasks, nodes, FEATURES)
    size = 1 + 2 * torch.rand(tasks, nodes, 1, generator=generator, device=device)
    frequencies = torch.randn(tasks, nodes, nodes, FEATURES, generator=generator, device=device) * graph.mT[..., None]
    phases = 2 * math.pi * torch.rand(shape, generator=generator, device=device)
    amplitudes = size * math.sqrt(2 / FEATURES) * torch.randn(shape, generator=generator, device=device)

    def equations(earlier: Float[Tensor, "tasks n t"]) -> Float[Tensor, "tasks n"]:
        node = earlier.shape[-1]
        angles = standardised(earlier) @ frequencies[:, node, :node] + phases[:, None, node]
        return (angles.cos() @ amplitudes[:, node, :, None])[..., 0]

    return equations


MECHANISMS: dict[Mechanism, Callable[[torch.Generator, Tensor], Equations]] = {"linear": linear, "fourier": fourier}
"""Samplers of the equations of given graphs, by name."""


def simulate(equations: Equations, noise: Float[Tensor, "tasks n d"]) -> Float[Tensor, "tasks n d"]:
    """Observations of the nodes one after another, from the noise of all."""
    x = noise[..., :0]
    for node in range(noise.shape[-1]):
        x = torch.cat([x, (equations(x) + noise[..., node])[..., None]], dim=-1)
    return x


def unit_noise(generator: torch.Generator, kind: Noise, shape: tuple[int, ...]) -> Tensor:
    """Independent numbers of mean 0 and variance 1."""
    if kind == "gaussian":
        return torch.randn(shape, generator=generator, device=generator.device)
    uniform = torch.rand(shape, generator=generator, device=generator.device) - 0.5
    return -uniform.sign() * (1 - 2 * uniform.abs()).clamp_min(1e-7).log() / math.sqrt(2)


def standardised(x: Float[Tensor, "tasks n d"]) -> Float[Tensor, "tasks n d"]:
    """x with mean 0 and variance 1 over the observations; a constant variable becomes 0."""
    centred = x - x.mean(1, keepdim=True)
    return centred / centred.square().mean(1, keepdim=True).sqrt().clamp_min(1e-6)
