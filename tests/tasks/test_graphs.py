"""Graphs have networkx's laws, and become DAGs of every orientation alike."""

import networkx as nx
import pytest
import torch
from torch import Tensor

from iai.tasks.graphs import BLOCKS, DAMPING, FAMILIES, REWIRED, Family, ordered, permutations, relabelled


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def reference(family: Family, edges: int, nodes: int, seed: int) -> nx.Graph:
    """A graph of networkx's generator."""
    if family == "erdos-renyi":
        return nx.gnp_random_graph(nodes, min(1.0, 2 * edges / (nodes - 1)), seed=seed)
    if family == "scale-free":
        return nx.barabasi_albert_graph(nodes, edges, seed=seed)
    if family == "small-world":
        return nx.watts_strogatz_graph(nodes, 2 * edges, REWIRED, seed=seed)
    half = nodes // BLOCKS
    within, between = BLOCKS * half * (half - 1) / 2, half**2
    p = min(1.0, edges * nodes / (within + DAMPING * between))
    q = DAMPING * edges * nodes / (within + DAMPING * between)
    return nx.stochastic_block_model([half, half], [[p, q], [q, p]], seed=seed)


def statistics(graph: Tensor) -> Tensor:
    """Edges, the sum of squared degrees, the largest degree and the triangles of each graph, `4 tasks`."""
    graph = graph.double()
    degree = graph.sum(-1)
    triangles = (graph @ graph @ graph).diagonal(dim1=-2, dim2=-1).sum(-1) / 6
    return torch.stack([degree.sum(-1) / 2, degree.square().sum(-1), degree.amax(-1), triangles])


@pytest.mark.parametrize("edges", [1, 2, 3])
@pytest.mark.parametrize("family", list(FAMILIES))
def test_graphs_have_the_law_of_networkx(family: Family, edges: int) -> None:
    graph = FAMILIES[family](generator(), torch.full((4000,), edges), 8)
    assert torch.equal(graph, graph.mT) and not graph.diagonal(dim1=-2, dim2=-1).any()
    known = [nx.to_numpy_array(reference(family, edges, 8, seed)) for seed in range(300)]
    ours, theirs = statistics(graph), statistics(torch.stack([torch.tensor(k) for k in known]))
    error = (ours.var(1) / 4000 + theirs.var(1) / 300).sqrt()
    assert ((ours.mean(1) - theirs.mean(1)).abs() <= 4 * error + 1e-9).all()
    torch.testing.assert_close(ours.std(1), theirs.std(1), rtol=0.25, atol=0.05)


def test_the_edges_a_node_are_each_tasks_own() -> None:
    for family, make in FAMILIES.items():
        edges = torch.tensor([1, 2, 3]).repeat(300)
        count = make(generator(), edges, 12).sum((1, 2)) / 2
        mean = torch.stack([count[edges == m].mean() for m in (1, 2, 3)])
        assert (mean.diff() > 6).all(), family


def test_dags_are_acyclic_and_every_direction_is_as_likely() -> None:
    edges = torch.randint(1, 4, (4000,), generator=generator())
    for family in FAMILIES:
        graph = ordered(generator(), (family,), edges, 6)
        assert torch.equal(graph, graph.triu(1))
        share = graph.float().mean(0)[tuple(torch.triu_indices(6, 6, 1))]
        assert (share - share.mean()).abs().max().item() < 0.04  # 5 standard errors
    names = permutations(generator(), 4000, 6)
    for dag in relabelled(graph, names)[:50]:
        assert nx.is_directed_acyclic_graph(nx.from_numpy_array(dag.numpy(), create_using=nx.DiGraph))


def test_a_relabelled_edge_joins_the_renamed_nodes() -> None:
    graph, names = torch.zeros(1, 3, 3, dtype=torch.bool), torch.tensor([[2, 0, 1]])
    graph[0, 0, 2] = True  # 0 -> 2; 0 now stands in place 1, 2 in place 0
    assert relabelled(graph, names).nonzero().tolist() == [[0, 1, 0]]
