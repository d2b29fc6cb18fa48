"""Topological order: which variables cause which, from observations of a structural causal model."""

import math
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from iai.fields import Amount, Bounds, Size, config
from iai.tasks.graphs import Family, Graphs, ordered, permutations, relabelled
from iai.tasks.mechanisms import MECHANISMS, Mechanism, Noise, simulate, standardised, unit_noise
from iai.types import Batch, Episode, UserError


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

    @property
    def dy(self) -> int:
        return self.nodes

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
