"""Eq. 9: a pool of tasks takes greedy steps from detached states; every update weighs all steps alike."""

from dataclasses import replace

import pytest
import torch
from small import awake, data, small

from iai.experiment import from_json, to_json
from iai.losses import squared_error
from iai.model import Signal
from iai.tasks import LinearRegression
from iai.training.objectives import Greedy, causal_loss, greedy_loss, random_context_loss
from iai.types import Batch, UserError


def test_the_state_goes_on_detached_and_the_loss_is_that_of_the_next_step() -> None:
    experiment = small()
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    state = amortizer.regime.init(queries.x)
    loss, after = greedy_loss(amortizer, squared_error, state, batches[0], queries)
    torch.testing.assert_close(loss, squared_error(amortizer(batches[:1], queries.x), queries.y).mean())
    assert loss.requires_grad and not after.value.requires_grad
    torch.testing.assert_close(after.value, amortizer.step(state, batches[0]).value)


def test_the_first_state_learns_and_a_later_one_does_not_reach_it() -> None:
    experiment = small()
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    state = amortizer.regime.init(queries.x)
    for batch, learns in zip(batches, (True, False)):
        loss, state = greedy_loss(amortizer, squared_error, state, batch, queries)
        (found,) = torch.autograd.grad(loss, [amortizer.regime.initial], allow_unused=True)
        assert (found is not None and bool(found.any())) == learns


@pytest.mark.parametrize("regime", ["parametric", "implicit"])
def test_the_causal_loss_is_the_mean_of_the_losses_of_batches_cut_to_its_sizes(regime: str) -> None:
    experiment = small(regime, refiner={"mask": "causal"}, signal=Signal(tokens="running"))
    amortizer, ((batch, _), queries) = awake(experiment), data(experiment)
    state = amortizer.regime.init(queries.x)
    loss, after = causal_loss(amortizer, squared_error, state, batch, queries, torch.Generator().manual_seed(7))
    count = queries.points if regime == "implicit" else 8
    sizes = torch.randint(1, batch.points + 1, (count,), generator=torch.Generator().manual_seed(7)).tolist()
    answers = [amortizer.f(queries.x, amortizer.step(state, batch[:size])) for size in sizes]
    errors = torch.stack([squared_error(answer, queries.y) for answer in answers])  # sizes, tasks, queries
    if regime == "implicit":  # one size a query
        errors = errors.diagonal(dim1=0, dim2=2)
    torch.testing.assert_close(loss, errors.mean(), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(after.value, amortizer.step(state, batch).value)
    assert not after.value.requires_grad


@pytest.mark.parametrize("regime", ["parametric", "implicit"])
def test_a_random_context_is_the_start_of_a_batch_and_the_state_goes_on_from_all_of_it(regime: str) -> None:
    experiment = small(regime)
    amortizer, ((batch, _), queries) = awake(experiment), data(experiment)
    state, sizes = amortizer.regime.init(queries.x), set()
    for seed in range(40):
        loss, after = random_context_loss(
            amortizer, squared_error, state, batch, queries, torch.Generator().manual_seed(seed)
        )
        losses = [greedy_loss(amortizer, squared_error, state, batch[:m], queries)[0] for m in range(1, 6)]
        sizes |= {1 + i for i, one in enumerate(losses) if torch.equal(one, loss)}
        assert torch.equal(after.value, amortizer.step(state, batch).value) and not after.value.requires_grad
    assert sizes == set(range(1, batch.points + 1)) and loss.requires_grad


def test_a_pool_with_random_contexts_learns_from_them_and_old_configs_do_not_know_them() -> None:
    experiment = small()
    amortizer, plain = awake(experiment), experiment.objective
    draws = {}
    for name, objective in {"plain": plain, "random": replace(plain, random_contexts=True)}.items():
        draws[name] = [loss.item() for loss in objective(amortizer, torch.Generator().manual_seed(1))]
    assert len(draws["plain"]) == len(draws["random"]) and draws["plain"] != draws["random"]
    assert "random_contexts" not in to_json(plain)
    assert from_json(to_json(replace(plain, random_contexts=True))).random_contexts


class Counting(LinearRegression):
    """Regression that keeps what it drew."""

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        drawn = super().sample(generator, tasks, points)
        self.__dict__.setdefault("drawn", []).append(drawn)
        return drawn


def test_a_pool_of_tasks_takes_the_same_steps_as_roll_outs_task_by_task() -> None:
    """With weights at rest, an update's loss is the mean over its cohorts of the loss at the step each has reached."""
    task = Counting(dimension=2)
    objective = Greedy(task=task, tasks=6, steps=3, points=4, queries=5, passes_per_fill=2)
    amortizer = awake(small(task=task))
    losses = list(objective(amortizer, torch.Generator().manual_seed(0)))
    assert len(losses) == 6 and len(task.drawn) == 8
    table = []
    for drawn in task.drawn:
        queries, state, row = drawn[12:], amortizer.regime.init(drawn[12:].x), []
        for i in range(3):
            loss, state = greedy_loss(amortizer, squared_error, state, drawn[4 * i : 4 * i + 4], queries)
            row.append(loss)
        table.append(row)
    for update, loss in enumerate(losses):
        cohorts = [table[update + 2 - age][age] for age in range(3)]
        torch.testing.assert_close(loss, torch.stack(cohorts).mean())


def test_the_horizon_grows_over_its_share_of_the_training_through_divisors() -> None:
    objective = replace(small().objective, tasks=12, steps=6, growth=0.5)
    assert [objective.horizon(done) for done in (0.0, 0.1, 0.2, 0.3, 0.4, 0.49, 0.5, 1.0)] == [
        1,
        2,
        3,
        4,
        4,
        6,
        6,
        6,
    ]
    assert replace(objective, growth=0.0).horizon(0.0) == 6
    amortizer = awake(small())
    for done in (0.0, 0.2, 0.49, 0.5, 0.9):
        counting = Counting(dimension=2)
        next(replace(objective, task=counting)(amortizer, torch.Generator().manual_seed(0), done))
        steps = objective.horizon(done)
        assert {len(drawn.x) for drawn in counting.drawn} == {12 // steps}
        assert {drawn.points for drawn in counting.drawn} == {steps * objective.points + objective.queries}


def test_cohorts_are_equal_or_refused() -> None:
    with pytest.raises(UserError, match="5 tasks do not make 2 equal cohorts"):
        replace(small().objective, tasks=5)


def test_queries_are_not_among_the_observations() -> None:
    batches, queries = data(small(), tasks=2)
    seen = torch.cat([batch.x for batch in batches], dim=1)
    assert not (seen[:, :, None] == queries.x[:, None]).all(-1).any()
