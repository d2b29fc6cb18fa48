"""Topological order: equations to the digit, and answers that are true of the data."""

import json
import math

import networkx as nx
import pytest
import torch

from iai.experiment import from_json, to_json
from iai.tasks import CausalOrder, episode
from iai.tasks.causal_order import Noise, fourier, linear, simulate, unit_noise
from iai.tasks.graphs import ordered
from iai.types import UserError, concat

DISTANT = CausalOrder(graphs=("stochastic-block", "small-world"), noise="laplace")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_linear_equations_reproduce_x_from_the_noise() -> None:
    graph = ordered(generator(), ("erdos-renyi",), torch.full((50,), 2), 5)
    equations, noise = linear(generator(1), graph), unit_noise(generator(2), "gaussian", (50, 20, 5))
    axes = torch.eye(5).expand(50, -1, -1)
    weights = torch.stack([equations(axes[..., :node]) for node in range(5)], dim=-1)
    size = weights[graph].abs()
    assert torch.equal(weights != 0, graph) and (weights < 0).any()
    assert size.min().item() >= 1 and size.max().item() <= 3 and size.mean().item() == pytest.approx(2, abs=0.1)
    # x = W^T x + e, so x = e (I - W)^-1.
    solved = noise.double() @ torch.linalg.inv(torch.eye(5) - weights.double())
    torch.testing.assert_close(simulate(equations, noise), solved.float(), rtol=1e-4, atol=1e-4)


def test_fourier_equations_read_the_parents_alone_in_their_own_units() -> None:
    graph = ordered(generator(), ("scale-free",), torch.full((50,), 1), 5)
    equations, x = fourier(generator(1), graph), torch.randn(50, 30, 4, generator=generator(2))
    value, parents = equations(x), graph[:, :4, 4]
    others = torch.where(parents[:, None], x, torch.randn(x.shape, generator=generator(3)))
    torch.testing.assert_close(equations(others), value)
    torch.testing.assert_close(equations(10 * x + 3), value, atol=1e-4, rtol=1e-4)
    moved = (equations(x + torch.randn(x.shape, generator=generator(3))) - value).abs().amax(1)
    assert torch.equal(moved > 1e-6, parents.any(-1))


def test_fourier_functions_have_the_stated_size_and_length() -> None:
    """E[f(x) f(x')] = E[size^2] exp(-|x - x'|^2 / 2), with E[size^2] = 13 / 3."""
    graph = torch.ones(4000, 2, 2, dtype=torch.bool).triu(1)
    x = torch.tensor([-1.0, 0.0, 0.0, 1.0]).view(1, 4, 1).expand(4000, -1, -1)  # sd sqrt(1/2)
    f = fourier(generator(), graph)(x)
    assert f.square().mean().item() == pytest.approx(13 / 3, rel=0.06)
    assert (f[:, 0] * f[:, 1]).mean().item() == pytest.approx(13 / 3 * math.exp(-1), rel=0.15)


@pytest.mark.parametrize(("kind", "kurtosis"), [("gaussian", 3.0), ("laplace", 6.0)])
def test_noise_has_the_stated_moments(kind: Noise, kurtosis: float) -> None:
    noise = unit_noise(generator(), kind, (1_000_000,)).double()
    assert noise.mean().item() == pytest.approx(0, abs=5e-3)
    assert noise.var().item() == pytest.approx(1, rel=0.01)
    assert (noise**4).mean().item() == pytest.approx(kurtosis, rel=0.03)


@pytest.mark.parametrize("task", [CausalOrder(), DISTANT], ids=["training", "distant"])
def test_variables_are_standardised_over_the_data_set(task: CausalOrder) -> None:
    batches, queries = episode(task, generator(), 64, 3, 40, 6)
    x = concat(batches).x
    torch.testing.assert_close(x.mean(1), torch.zeros(64, 6), atol=1e-4, rtol=0)
    torch.testing.assert_close(x.square().mean(1), torch.ones(64, 6), atol=1e-3, rtol=0)
    assert [b.x.shape for b in batches] == [(64, 40, 6)] * 3 and all(b.y is b.x for b in batches)
    assert torch.equal(queries.x, math.sqrt(6) * torch.eye(6).expand(64, -1, -1))
    assert queries.x.square().mean().item() == pytest.approx(1)
    for graph in queries.y:
        assert nx.is_directed_acyclic_graph(nx.from_numpy_array(graph.numpy(), create_using=nx.DiGraph))


def test_a_node_given_its_parents_does_not_depend_on_its_other_non_descendants() -> None:
    """The answers are those of the data: the Markov property, by regression, of linear models."""
    task = CausalOrder(nodes=5, mechanisms=("linear",), densest=1)
    batches, queries = episode(task, generator(), 20, 1, 20_000, 5)
    checked = 0
    for x, graph in zip(batches[0].x.double(), queries.y.bool()):
        dag = nx.from_numpy_array(graph.numpy(), create_using=nx.DiGraph)
        for node in range(5):
            parents = x[:, graph[:, node]]
            residual = x[:, node] - parents @ torch.linalg.lstsq(parents, x[:, node]).solution
            if parents.shape[1]:
                assert residual.var().item() < 0.95
            for other in set(range(5)) - nx.descendants(dag, node) - {node}:
                assert abs((residual * x[:, other]).mean().item()) < 0.03
                checked += 1
    assert checked > 100


def test_a_seed_decides_an_episode_whatever_the_default_device() -> None:
    arguments = (3, 2, 10, 6)
    for task in (CausalOrder(), DISTANT):
        (batches, queries), (other, _) = (episode(task, generator(seed), *arguments) for seed in (1, 2))
        with torch.device("meta"):  # a tensor that is not made on the generator's device is an error
            same, answers = episode(task, generator(1), *arguments)
        assert torch.equal(concat(same).x, concat(batches).x) and torch.equal(answers.y, queries.y)
        assert not torch.equal(concat(other).x, concat(batches).x)


def test_a_task_is_plain_data_and_its_queries_are_its_nodes() -> None:
    assert from_json(json.loads(json.dumps(to_json(DISTANT)))) == DISTANT
    with pytest.raises(UserError, match="7 queries, but they are the 6 nodes: queries=6"):
        episode(CausalOrder(), generator(), 2, 1, 10, 7)
    batches, queries = episode(CausalOrder(), generator(), 2, 0, 10, 6)
    assert batches == [] and queries.y.shape == (2, 6, 6)
    assert CausalOrder().sample(generator(), 2, 10).x.shape == (2, 10, 6)
