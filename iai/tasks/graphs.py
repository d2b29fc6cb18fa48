"""Random undirected graphs in four families of the causal-discovery literature, and random DAGs.

A sampler draws one graph for each task, with symmetric adjacencies and the law of networkx's generator of that name.
Loops are over nodes, never over tasks.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

Edges = Int64[Tensor, " tasks"]
"""Edges a node of every task."""
Graphs = Bool[Tensor, "tasks d d"]
"""Adjacencies: entry (i, j) says i -> j, or i - j."""
Family = Literal["erdos-renyi", "scale-free", "stochastic-block", "small-world"]

BLOCKS, DAMPING, REWIRED = 2, 0.1, 0.3
"""Blocks of a stochastic block model; odds of an edge between them to one within; share rewired in a small world."""


def independent(generator: torch.Generator, edges: Edges, nodes: int, damping: float = 1.0) -> Graphs:
    """Independent edges (Erdos-Renyi), with odds `damping` between `BLOCKS` blocks of equal size to 1 within them.

    `edges * nodes` are expected. Where that asks for more edges than blocks have pairs, blocks are complete and the
    graph has fewer.
    """
    block = torch.arange(nodes, device=edges.device) % BLOCKS
    odds = torch.where(block[:, None] == block, 1.0, damping)
    probability = (edges * nodes / odds.triu(1).sum()).view(-1, 1, 1) * odds
    drawn = torch.rand(len(edges), nodes, nodes, generator=generator, device=edges.device)
    graph = (drawn < probability).triu(1)
    return graph | graph.mT


def scale_free(generator: torch.Generator, edges: Edges, nodes: int) -> Graphs:
    """Barabasi-Albert: from a star of `edges` + 1 nodes, each node joins `edges` others by their degree.

    Drawing without replacement by weight is taking the largest of log weight + Gumbel noise.
    """
    edges = edges.clamp(max=nodes - 1)[:, None]
    graph = torch.zeros(len(edges), nodes, nodes, dtype=torch.bool, device=edges.device)
    for new in range(1, nodes):
        uniform = torch.rand(len(edges), new, generator=generator, device=edges.device)
        gumbel = -(-uniform.clamp_min(1e-20).log()).log()
        score = graph[:, :new].sum(-1).clamp_min(1e-20).log() + gumbel
        joined = score.argsort(-1, descending=True).argsort(-1) < edges
        hub = torch.arange(new, device=edges.device) == 0
        graph[:, new, :new] = torch.where(new <= edges, hub, joined)
        graph[:, :new, new] = graph[:, new, :new]
    return graph


def small_world(generator: torch.Generator, edges: Edges, nodes: int) -> Graphs:
    """Watts-Strogatz: a ring with `edges` neighbours on either side, each edge rewired with probability `REWIRED`.

    A node has at most (nodes - 1) // 2 neighbours on a side.
    """
    device, reach = edges.device, (nodes - 1) // 2
    place = torch.arange(nodes, device=device)
    ahead = (place - place[:, None]) % nodes
    graph = (ahead >= 1) & (ahead <= edges.clamp(max=reach).view(-1, 1, 1))
    graph = graph | graph.mT
    for distance in range(1, reach + 1):
        for node in range(nodes):
            old = (node + distance) % nodes
            free = ~graph[:, node] & (place != node)
            chance = torch.rand(len(edges), nodes, generator=generator, device=device)
            new = torch.where(free, chance, -1.0).argmax(-1, keepdim=True)
            rewired = torch.rand(len(edges), generator=generator, device=device) < REWIRED
            rewired &= (distance <= edges) & free.any(-1)
            row = graph[:, node].clone()
            row[:, old] = False
            row = torch.where(rewired[:, None], row.scatter(1, new, True), graph[:, node])
            graph[:, node], graph[:, :, node] = row, row
    return graph


FAMILIES: dict[Family, Callable[[torch.Generator, Tensor, int], Tensor]] = {
    "erdos-renyi": independent,
    "scale-free": scale_free,
    "stochastic-block": partial(independent, damping=DAMPING),
    "small-world": small_world,
}
"""The samplers by name."""


def ordered(generator: torch.Generator, families: tuple[Family, ...], edges: Edges, nodes: int) -> Graphs:
    """DAGs, each of a random family, whose nodes are in causal order: i -> j only where i < j."""
    drawn = torch.stack([FAMILIES[family](generator, edges, nodes) for family in families])
    tasks = torch.arange(len(edges), device=edges.device)
    family = torch.randint(len(families), (len(edges),), generator=generator, device=edges.device)
    return relabelled(drawn[family, tasks], permutations(generator, len(edges), nodes)).triu(1)


def permutations(generator: torch.Generator, tasks: int, nodes: int) -> Int64[Tensor, "tasks d"]:
    """A random order of the nodes of every task."""
    return torch.rand(tasks, nodes, generator=generator, device=generator.device).argsort(-1)


def relabelled(graph: Graphs, names: Int64[Tensor, "tasks d"]) -> Graphs:
    """The same graphs with node `names[i]` at position i."""
    rows = graph.gather(1, names[:, :, None].expand_as(graph))
    return rows.gather(2, names[:, None, :].expand_as(graph))
