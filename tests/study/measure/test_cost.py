"""What an update asks of the device, counted on cases whose answer is known."""

from dataclasses import replace

import pytest
import torch
from small import small

from iai.baselines.classical import Descent, Mean, Neighbours, Ridge
from iai.experiment import build
from iai.model import Signal
from iai.study.measure import cost
from iai.study.measure.cost import cost_of_adapting, cost_of_update, launches, load_of_update, planned
from iai.study.registry import LOOPS, experiment
from iai.tasks import LinearRegression, episode
from iai.training import Greedy, RandomStep, Unrolled


def test_launches_are_operators_that_compute() -> None:
    x = torch.ones(3, requires_grad=True)
    assert launches(lambda: x.view(1, 3).t()) == 0
    assert launches(lambda: (x * 2 + 1).sum()) == 3

    def backward() -> None:
        (x * 2).sum().backward()

    assert launches(backward) >= 4  # two forward, the gradient's seed and its product


@pytest.mark.parametrize("regime", ["parametric", "explicit", "implicit"])
def test_the_load_of_an_update_leaves_the_weights_alone(regime: str) -> None:
    chosen = small(regime, signal=Signal(kind="data"))
    amortizer = build(chosen)
    before = [weight.clone() for weight in amortizer.parameters()]
    launched, peak = load_of_update(amortizer, chosen.objective, chosen.train)
    assert launched > 50 and peak > 2 * sum(4 * p.numel() for p in before)  # two moments a weight, and more
    assert all(torch.equal(a, b) for a, b in zip(before, amortizer.parameters()))
    twice = replace(chosen, objective=replace(chosen.objective, tasks=40))
    assert load_of_update(build(twice), twice.objective, chosen.train)[1] > peak
    assert load_of_update(build(twice), twice.objective, chosen.train)[0] == launched


def test_the_load_is_of_the_updates_that_train(monkeypatch) -> None:
    """In bfloat16 there are casts beside the operators, and on a GPU copies into the memory of captured updates."""
    chosen = small("parametric", signal=Signal(kind="data"))
    plain = load_of_update(build(chosen), chosen.objective, chosen.train)[0]
    half = load_of_update(build(chosen), chosen.objective, replace(chosen.train, precision="bfloat16"))[0]
    monkeypatch.setattr(cost, "captures", lambda *arguments: True)
    captured, peak = load_of_update(build(chosen), chosen.objective, chosen.train)
    assert plain + 20 < half and plain < captured < plain + 20 and peak > 0


@pytest.mark.parametrize(
    "key", ["table3/mnist/grad", "history/mnist/grad", "mask/mnist/causal", "causal-order/implicit/data"]
)
def test_an_update_costs_what_the_refiner_reads_in_it(key: str) -> None:
    chosen = experiment(key, "smoke")
    model, read = build(chosen), list[torch.Size]()
    losses = chosen.objective(model, torch.Generator().manual_seed(0))
    next(losses)  # fills the pool as well
    with model.refiner.blocks[0].register_forward_pre_hook(lambda block, given: read.append(given[0].shape)):
        next(losses)
    cost = cost_of_update(model, chosen.objective)
    assert cost.tokens == sum(rows * tokens for rows, tokens, _ in read)
    assert planned(chosen) == chosen.train.updates * cost.flops


@pytest.mark.parametrize("name", ["maml", "lstm", "attentive-cnp"])
def test_rivals_have_costs_that_grow_with_what_they_read(name: str) -> None:
    chosen = experiment(f"baseline/linear-regression/{name}", "smoke")
    once, longer = chosen.objective, replace(chosen.objective, steps=20)
    cost, more = (cost_of_update(build(chosen), objective) for objective in (once, longer))
    assert planned(chosen) == chosen.train.updates * cost.flops
    assert cost.tokens == once.tasks * once.points * (once.steps if name == "lstm" else (1 + once.steps) / 2)
    assert cost.flops < more.flops < 2.5 * cost.flops
    assert load_of_update(build(chosen), once, chosen.train)[0] > 50


def test_operations_of_adapting_are_those_of_the_formula() -> None:
    task = LinearRegression(dimension=3, bias=False)
    batches, queries = episode(task, torch.Generator().manual_seed(0), 1, 2, 6, 5)
    sgd = Descent(decode=task.decode, loss=task.loss, theta_shape=task.theta_shape)
    cost = cost_of_adapting(sgd, batches, queries)
    assert cost["flops"] == 2 * (2 * 6 * 3 + 2 * 6 * 3) + 2 * 5 * 3  # forward and backward, then the queries
    assert cost["seconds"] > 0 and cost_of_adapting(Mean(dy=1), batches, queries)["flops"] is None
    ridge = cost_of_adapting(Ridge(noise_variance=1.0, bias=False), batches, queries)["flops"]
    near = Neighbours(dy=1, neighbours=1)
    for n, q in ((6, 5), (40, 30)):  # PyTorch has another way from 26 on
        batches, queries = episode(task, torch.Generator().manual_seed(0), 1, 1, n, q)
        assert cost_of_adapting(near, batches, queries)["flops"] == 2 * n * q * 3
    assert ridge == 2 * 12 * 3**2 + 2 * 3**3 + 2 * 12 * 3 + 2 * 12 * 3 + 2 * 3**2 + 2 * 5 * 3


def test_loops_are_compared_at_equal_refinements() -> None:
    def total(key: str) -> float:
        chosen = experiment(key, "smoke")
        return chosen.train.updates * cost_of_update(build(chosen), chosen.objective).flops

    whole = total(LOOPS["tasks in flight"])
    assert total(LOOPS["roll-out of all tasks"]) == pytest.approx(whole) == total(LOOPS["roll-out of 1/K tasks"])
    assert total(LOOPS["one random step"]) == pytest.approx(whole, rel=1e-3)
    classes = [type(experiment(key, "small").objective) for key in LOOPS.values()]
    assert classes == [Greedy, Unrolled, Unrolled, RandomStep]
