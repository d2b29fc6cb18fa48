"""Orders of nodes: metrics counted by hand, a refiner that knows no names, and the orders that data give away."""

import json
import math
import sys
from dataclasses import replace
from typing import Any

import networkx as nx
import pytest
import torch
from small import answers_degenerate_sizes, answers_on_the_device_of_the_data, awake, data, small

from iai.baselines.classical import PC, DirectLiNGAM, Score, SortBy, for_task
from iai.baselines.classical.causal_order import curvature, precedence, r2
from iai.evaluation import evaluate
from iai.experiment import Experiment, build, from_json, to_json
from iai.losses import METRICS, edge_cross_entropy, leaf_error, leaves_first, order_accuracy
from iai.model import RelationsConfig, Signal
from iai.study.measure.cost import cost_of_update
from iai.tasks import CausalOrder, LinearRegression, episode
from iai.training import Greedy, train
from iai.types import Batch, State, UserError, concat

NODES = 4
RELATIONS = RelationsConfig(width=16, depth=1, heads=2, feedforward=32)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def experiment(**changes: object) -> Experiment:
    task = CausalOrder(nodes=NODES)
    given = {
        "objective": Greedy(task=task, tasks=4, steps=2, points=10, queries=NODES),
        "signal": Signal(kind="data"),
        "refiner": RELATIONS,
    }
    return replace(small("implicit", task), **(given | changes))


def graph(nodes: int, *edges: tuple[int, int]) -> torch.Tensor:
    found = torch.zeros(1, nodes, nodes)
    for i, j in edges:
        found[0, i, j] = 1
    return found


def of_order(*order: int) -> torch.Tensor:
    """Logits by which nodes are removed in this order."""
    rank = torch.tensor([order]).argsort(-1)
    return precedence(-rank.float(), torch.eye(len(order))[None])


CHAIN = graph(3, (0, 1), (1, 2))


@pytest.mark.parametrize(
    ("order", "wrong", "accuracy"),
    [
        ((2, 1, 0), [0, 0, 0], 1),
        ((0, 1, 2), [1, 1, 0], 0),
        ((1, 2, 0), [1, 0, 0], 2 / 3),  # once 1 has gone, 0 is a leaf too
        ((1, 0, 2), [1, 0, 0], 1 / 3),
        ((2, 0, 1), [0, 1, 0], 2 / 3),
    ],
)
def test_metrics_of_a_chain_are_those_counted_by_hand(
    order: tuple[int, ...], wrong: list[int], accuracy: float
) -> None:
    y_hat = of_order(*order)
    assert leaves_first(y_hat).tolist() == [list(order)]
    assert leaf_error(y_hat, CHAIN).tolist() == [wrong]
    assert order_accuracy(y_hat, CHAIN)[0].tolist() == pytest.approx([accuracy] * 3)


def test_ties_fall_to_the_first_name_and_the_diagonal_is_not_read() -> None:
    y_hat = torch.zeros(1, 3, 3)
    assert leaves_first(y_hat).tolist() == [[0, 1, 2]]
    y_hat[0].fill_diagonal_(50.0)
    assert leaves_first(y_hat).tolist() == [[0, 1, 2]]
    assert leaf_error(y_hat, CHAIN).tolist() == [[1, 1, 0]]
    empty = torch.zeros(1, 3, 3)
    assert leaf_error(y_hat, empty).tolist() == [[0, 0, 0]] and order_accuracy(y_hat, empty).tolist() == [[1] * 3]


def test_metrics_are_those_of_networkx_on_random_graphs() -> None:
    _, queries = episode(CausalOrder(nodes=6), generator(), 40, 0, 1, 6)
    y_hat = torch.randn(40, 6, 6, generator=generator(1))
    errors, shares = leaf_error(y_hat, queries.y), order_accuracy(y_hat, queries.y)
    for logits, y, error, share in zip(y_hat, queries.y, errors, shares):
        dag = nx.from_numpy_array(y.numpy(), create_using=nx.DiGraph)
        pairs = [(i, j) for i in dag for j in nx.descendants(dag, i)]
        left, order, wrong = list(range(6)), [], []
        while left:
            children = [sum(logits[i, j].sigmoid().item() for j in left if j != i) for i in left]
            order.append(left[children.index(min(children))])
            wrong.append(float(any(dag.has_edge(order[-1], j) for j in left)))
            left.remove(order[-1])
        assert error.tolist() == wrong
        right = sum(order.index(i) > order.index(j) for i, j in pairs)
        assert share[0].item() == pytest.approx(right / len(pairs) if pairs else 1)


def test_the_true_edges_make_no_error_and_the_loss_is_pytorchs() -> None:
    _, queries = episode(CausalOrder(nodes=6), generator(), 40, 0, 1, 6)
    y_hat = 20 * queries.y - 10
    assert leaf_error(y_hat, queries.y).sum().item() == 0
    assert torch.equal(order_accuracy(y_hat, queries.y), torch.ones(40, 6))
    expected = torch.nn.BCEWithLogitsLoss(reduction="none")(y_hat, queries.y).mean(-1)
    torch.testing.assert_close(edge_cross_entropy(y_hat, queries.y), expected)


@torch.no_grad()
def test_renamed_nodes_get_renamed_answers_and_observations_have_no_order() -> None:
    amortizer = awake(experiment())
    batches, queries = data(experiment())
    names = torch.tensor([2, 0, 3, 1])
    y_hat = amortizer(batches, queries.x)
    renamed = amortizer([Batch(b.x[..., names], b.y[..., names]) for b in batches], queries.x)
    torch.testing.assert_close(renamed, y_hat[:, names][:, :, names], atol=1e-5, rtol=1e-5)
    shuffled = amortizer([Batch(b.x.flip(1), b.y.flip(1)) for b in batches], queries.x)
    torch.testing.assert_close(shuffled, y_hat, atol=1e-5, rtol=1e-5)
    other, _ = data(experiment(), seed=2)
    assert (amortizer(other, queries.x) - y_hat).abs().max().item() > 1e-3
    assert (y_hat - y_hat.mT).abs().max().item() > 1e-3


@torch.no_grad()
def test_an_untrained_step_changes_nothing_and_tasks_do_not_mix() -> None:
    batches, queries = data(experiment())
    asleep = build(experiment())
    assert torch.equal(asleep(batches, queries.x), torch.zeros_like(queries.y))
    amortizer = awake(experiment())
    alone = amortizer([Batch(b.x[:1], b.y[:1]) for b in batches], queries.x[:1])
    torch.testing.assert_close(alone, amortizer(batches, queries.x)[:1], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_step_reads_the_state_and_an_absolute_update_forgets_it() -> None:
    batches, queries = data(experiment())
    value = torch.randn(3, NODES, NODES, generator=generator())
    for update in ("delta", "absolute"):
        amortizer = awake(experiment(refiner=replace(RELATIONS, update=update)))
        start = amortizer.regime.init(queries.x)
        after = amortizer.step(State(value, start.anchor, start.past), batches[0]).value
        from_start = amortizer.step(start, batches[0]).value
        change = after - from_start - (value - start.value if update == "delta" else 0)
        assert change.abs().max().item() > 1e-3


@torch.no_grad()
def test_without_attention_a_pair_is_rewritten_from_itself() -> None:
    batches, queries = data(experiment())
    amortizer = awake(experiment())
    refiner = amortizer.refiner
    for block in refiner.blocks:
        for layer in (block.out, block.down):
            layer.weight.zero_()
            layer.bias.zero_()
    start = amortizer.regime.init(queries.x)
    value = torch.randn(3, NODES, NODES, generator=generator())
    after = amortizer.step(State(value, start.anchor, start.past), batches[0]).value
    x = batches[0].x[1]
    phi, psi = refiner.embed.features(x[..., None]).sin().chunk(2, dim=-1)
    mean = (phi[:, 2] * psi[:, 0]).mean(0)
    pair = refiner.embed.out(mean) + refiner.encode_state(torch.stack([value[1, 2, 0], value[1, 0, 2]]))
    torch.testing.assert_close(after[1, 2, 0], value[1, 2, 0] + refiner.head(refiner.norm(pair))[0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"signal": Signal(kind="data", history=1)}, "history=0"),
        ({"space": "latent"}, "space='logits'"),
        ({"space": "softmax"}, "'softmax' needs classes"),
        ({"regime": "parametric"}, "lacks decode"),
        ({"objective": Greedy(task=LinearRegression(), tasks=4, steps=2, points=5, queries=4)}, "implicit"),
    ],
)
def test_what_has_no_meaning_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build(experiment(**changes))


@pytest.mark.parametrize(
    ("changes", "said"), [({"mask": "causal"}, "mask='full'"), ({"heads": 3}, "multiple of heads")]
)
def test_a_size_or_mask_that_relations_cannot_have_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        replace(RELATIONS, **changes)


def test_relations_train_are_counted_and_are_evaluated() -> None:
    whole = experiment()
    amortizer = build(whole)
    # One pass over d^2 pairs of each task of the pool.
    assert cost_of_update(amortizer, whole.objective).tokens == 4 * NODES**2
    progress = train(amortizer, whole.objective, whole.train, seed=0, show=False)
    assert len(progress.losses) == 8 and progress.losses[-1] < progress.losses[0]
    curves = evaluate(amortizer, whole.task, whole.evaluation)
    assert {*curves} == {*METRICS["edge_cross_entropy"]} == {"error", "order_accuracy", "loss"}
    assert from_json(json.loads(json.dumps(to_json(whole)))) == whole


@pytest.mark.parametrize("name", list(for_task(CausalOrder())))
def test_baselines_answer_in_the_shape_of_the_targets_whatever_the_order_of_rows(name: str) -> None:
    learner = for_task(CausalOrder(nodes=NODES))[name]
    batches, queries = episode(CausalOrder(nodes=NODES), generator(), 5, 3, 20, NODES)
    for k in (0, 1, 3):
        y_hat = learner(batches[:k], queries.x)
        assert y_hat.shape == queries.y.shape and y_hat.dtype == queries.y.dtype and y_hat.isfinite().all()
    if name != "sort-by-variance":  # of equal variances: the last digits decide
        flipped = learner([Batch(b.x.flip(1), b.y.flip(1)) for b in batches], queries.x)
        assert torch.equal(flipped, y_hat)


def test_variance_says_nothing_and_names_say_nothing() -> None:
    batches, queries = episode(CausalOrder(), generator(), 1500, 1, 50, 6)
    edges = queries.y.sum((1, 2)) > 0
    for number in ("variance", "none"):
        y_hat = SortBy(number=number)(batches, queries.x)
        accuracy = order_accuracy(y_hat, queries.y)[edges, 0]
        assert accuracy.mean().item() == pytest.approx(0.5, abs=5 * accuracy.std().item() / 1500**0.5)


def test_r2_is_that_of_least_squares_and_gives_linear_orders_away() -> None:
    task = CausalOrder(mechanisms=("linear",), densest=1)
    batches, queries = episode(task, generator(), 300, 2, 100, 6)
    x = concat(batches).x.double()
    others, target = x[:, :, 1:], x[:, :, :1]
    residual = target - others @ torch.linalg.lstsq(others, target).solution
    torch.testing.assert_close(r2(x, ridge=0.0)[:, 0], 1 - residual.square().mean((1, 2)), rtol=0, atol=1e-6)
    error = leaf_error(SortBy(number="r2")(batches, queries.x), queries.y).mean().item()
    chance = leaf_error(SortBy(number="none")(batches, queries.x), queries.y).mean().item()
    assert error < chance - 0.05


def test_sorting_by_variance_sorts_a_growing_chain() -> None:
    x = torch.randn(4, 200, 3, generator=generator()).cumsum(-1)
    order = leaves_first(SortBy(number="variance")([Batch(x, x)], torch.zeros(4, 3, 3)))
    assert order.tolist() == [[2, 1, 0]] * 4


def test_score_finds_nonlinear_orders_and_curvature_is_that_of_a_gaussian() -> None:
    task = CausalOrder(mechanisms=("fourier",))
    batches, queries = episode(task, generator(), 40, 2, 100, 6)
    error = leaf_error(Score()(batches, queries.x), queries.y).mean().item()
    assert error < leaf_error(SortBy(number="none")(batches, queries.x), queries.y).mean().item() - 0.1
    x = torch.randn(1, 1500, 2, generator=generator())
    assert curvature(x, 0.01).mean((0, 1)).tolist() == pytest.approx([-1, -1], abs=0.25)


def chain(noise: str, points: int = 2000) -> tuple[Batch, torch.Tensor]:
    """Observations of 2 -> 0 -> 1 <- 3, all weights 1 and noises of variance 1; and its edges."""
    uniform = math.sqrt(12) * (torch.rand(2, points, 4, generator=generator()) - 0.5)
    e = uniform if noise == "uniform" else torch.randn(2, points, 4, generator=generator())
    first = e[..., 0] + e[..., 2]
    x = torch.stack([first, first + e[..., 3] + e[..., 1], e[..., 2], e[..., 3]], dim=-1)
    return Batch(x, x), torch.tensor([[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]])


def test_direct_lingam_finds_the_order_of_a_linear_model_unless_its_noise_is_gaussian() -> None:
    nodes = 2 * torch.eye(4).expand(2, -1, -1)
    batch, edges = chain("uniform")
    y = edges.expand(2, -1, -1).float()
    assert leaf_error(DirectLiNGAM()([batch[:1000], batch[1000:]], nodes), y).sum() == 0
    task = CausalOrder(mechanisms=("linear",), noise="laplace")
    batches, queries = episode(task, generator(), 30, 1, 1000, 6)
    laplace, chance = (
        leaf_error(one(batches, queries.x), queries.y) for one in (DirectLiNGAM(), SortBy(number="none"))
    )
    assert laplace.mean() < chance.mean() / 3


def test_pc_finds_the_edges_that_all_graphs_of_a_class_share() -> None:
    """Of 2 - 0 -> 1 <- 3 the first could go both ways."""
    batch, _ = chain("gaussian")
    found = PC(level=0.01)([batch], 2 * torch.eye(4)[[1, 0, 2, 3]].expand(2, -1, -1)) / math.log(99)
    row = {1: [-1, -1, -1, -1], 0: [-1, 1, 0, -1], 2: [0, -1, -1, -1], 3: [-1, 1, -1, -1]}
    torch.testing.assert_close(found, torch.tensor(list(row.values()), dtype=torch.float32).expand(2, -1, -1))


def test_without_causal_learn_its_baselines_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "causallearn", None)
    for part in list(sys.modules):
        if part.startswith("causallearn."):
            monkeypatch.delitem(sys.modules, part)
    for learner in (DirectLiNGAM(), PC()):
        with pytest.raises(UserError, match="need causal-learn: pip install 'iai\\[study\\]'"):
            learner([chain("gaussian")[0]], torch.eye(4).expand(2, -1, -1))


def test_degenerate_sizes_are_answered_and_a_part_of_the_nodes_is_refused() -> None:
    amortizer, (batches, queries) = awake(experiment()), data(experiment())
    answers_degenerate_sizes(amortizer, batches, queries)
    answers_on_the_device_of_the_data(amortizer, batches, queries)
    with pytest.raises(UserError, match="3 queries: ask about all 4 features at once"):
        amortizer(batches, queries.x[:, :3])


@pytest.mark.parametrize("name", for_task(CausalOrder(nodes=NODES)))
def test_orders_are_answered_for_degenerate_sizes_and_for_any_nodes(name: str) -> None:
    learner, (batches, queries) = for_task(CausalOrder(nodes=NODES))[name], data(experiment())
    answers_degenerate_sizes(learner, batches, queries)
    answers_on_the_device_of_the_data(learner, batches, queries)
    some = torch.tensor([2, 0])
    assert torch.equal(learner(batches, queries.x[:, some]), learner(batches, queries.x)[:, some])
