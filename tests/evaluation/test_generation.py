"""Flows: Heun's method against the closed form of a Gaussian, densities, distances, and what curves report."""

import math
import sys
from dataclasses import replace

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from small import awake, small
from torch.func import vmap

from iai.baselines.classical import ExpectationMaximisation, Gaussian
from iai.evaluation import EvaluationConfig, generation
from iai.evaluation.generation import (
    at,
    curves,
    field,
    generate,
    log_density,
    references,
    wasserstein,
    with_divergence,
)
from iai.tasks import Letters, Mixture, episode
from iai.types import UserError

TASK = Mixture(dimension=2)
CONFIG = EvaluationConfig(tasks=4, steps=5, points=16, queries=8, seed=1, generation_tasks=4)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def gaussian_field(mean: torch.Tensor, variance: float) -> generation.Field:
    task = Mixture(dimension=mean.shape[-1], components=1, variance=variance)
    theta = torch.cat([mean - task.anchors(mean)[0], torch.zeros(2)])[None]
    return lambda x: vmap(task.decode, in_dims=(0, None))(x, theta)


MEAN, VARIANCE = torch.tensor([0.5, -1.0]), 0.25


def test_the_flow_of_a_gaussian_scales_and_shifts_its_noise() -> None:
    noise = normal(3, 50, 2)
    exact = MEAN + math.sqrt(VARIANCE) * noise
    errors = [
        (generate(gaussian_field(MEAN, VARIANCE), noise, intervals) - exact).norm().item() for intervals in (8, 16, 32)
    ]
    assert errors[2] < 0.02 * exact.norm().item()
    assert errors[1] < errors[0] / 3 and errors[2] < errors[1] / 3  # of second order


def test_the_density_of_the_flow_of_a_gaussian_is_its_own() -> None:
    z = MEAN + math.sqrt(VARIANCE) * normal(3, 50, 2)
    expected = torch.distributions.Normal(MEAN, math.sqrt(VARIANCE)).log_prob(z).sum(-1)
    found = log_density(gaussian_field(MEAN, VARIANCE), z, intervals=64)
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=0)


@pytest.mark.parametrize("dimension", [2, 5])
def test_the_error_of_the_integration_is_below_a_hundredth(dimension: int) -> None:
    task = Mixture(dimension=dimension)
    trial = generation.Trial.of(task, replace(CONFIG, generation_tasks=16))

    def truth(x: torch.Tensor) -> torch.Tensor:
        return vmap(task.decode)(x, trial.theta)

    def found(intervals: int) -> torch.Tensor:
        distance = wasserstein(generate(truth, trial.noise, intervals), trial.truth)
        return torch.stack([distance, log_density(truth, trial.truth[:, :16], intervals).mean(1)])

    error = (found(generation.INTERVALS) - found(200)).abs()
    assert error.mean(1).max() < 0.01


def test_the_divergence_of_a_linear_field_is_its_trace() -> None:
    matrix = normal(3, 3)
    v, divergence = with_divergence(lambda x: x[..., :3] @ matrix, at(normal(2, 5, 3), 0.3))
    assert v.shape == (2, 5, 3)
    torch.testing.assert_close(divergence, matrix.trace().expand(2, 5), atol=1e-3, rtol=0)


@pytest.mark.parametrize("regime", ["parametric", "explicit", "implicit"])
def test_the_divergence_of_an_amortizer_is_that_of_automatic_differentiation(regime: str) -> None:
    """Which is so only where no query sees another; in single precision, too, as it is used."""
    amortizer = awake(small(regime, TASK))
    batches, queries = episode(TASK, torch.Generator().manual_seed(0), 3, 2, 5, 7)
    velocity, x = field(amortizer, batches, queries.x), queries.x.requires_grad_()
    v = velocity(x)
    task_gradients = [torch.autograd.grad(v[..., i].sum(), x, retain_graph=True)[0][..., i] for i in range(2)]
    with torch.no_grad():
        found = with_divergence(velocity, x.detach())
    torch.testing.assert_close(found[0], v.detach())
    torch.testing.assert_close(found[1], sum(task_gradients), atol=2e-3, rtol=2e-3)


def test_distances_are_those_of_the_best_assignment() -> None:
    one, other = normal(2, 40, 2), 0.5 + 2 * normal(2, 40, 2, seed=1)
    for found, a, b in zip(wasserstein(one, other), one, other):
        squares = torch.cdist(a, b).square().numpy()
        best = squares[linear_sum_assignment(squares)].mean() ** 0.5
        assert found.item() == pytest.approx(best, rel=1e-5)


def test_the_distance_of_a_cloud_from_its_translate_is_the_shift() -> None:
    cloud = normal(3, 30, 2)
    shifted = cloud[:, torch.randperm(30, generator=torch.Generator().manual_seed(0))]
    assert wasserstein(cloud, shifted + torch.tensor([3.0, 4.0])).tolist() == pytest.approx([5] * 3, rel=1e-5)
    assert wasserstein(cloud, shifted).tolist() == pytest.approx([0] * 3, abs=1e-6)


def test_a_cloud_that_is_not_finite_has_no_distance() -> None:
    cloud = normal(2, 5, 2)
    found = wasserstein(cloud, torch.cat([cloud[:1], cloud[1:] * math.inf]))
    assert found[0] == 0 and found[1].isnan()


def test_without_pot_a_distance_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(UserError, match="pip install POT"):
        wasserstein(normal(1, 3, 2), normal(1, 3, 2))


@pytest.mark.parametrize("regime", ["parametric", "explicit", "implicit"])
def test_a_field_is_what_its_learner_predicts(regime: str) -> None:
    amortizer = awake(small(regime, TASK))
    batches, queries = episode(TASK, torch.Generator().manual_seed(0), 3, 2, 5, 7)
    for learner in (amortizer, Gaussian(), ExpectationMaximisation(components=2)):
        expected = learner(batches, queries.x)
        torch.testing.assert_close(field(learner, batches, queries.x[:, :1])(queries.x), expected)


def test_the_true_field_reproduces_the_truth() -> None:
    found = references(TASK, replace(CONFIG, generation_tasks=16))
    fresh, truth = ({name: curve["mean"][1] for name, curve in found[by].items()} for by in ("fresh", "truth"))
    assert truth["field_error"] == pytest.approx(0, abs=1e-10) and abs(truth["nll_gap"]) < 0.02
    assert truth["w2"] == pytest.approx(fresh["w2"], rel=0.15)
    assert set(fresh) == {"w2"} and set(truth) == set(generation.metrics_of(TASK))


def test_a_better_fit_generates_better_by_all_metrics() -> None:
    gaussian, mixture = (curves(fit, TASK, CONFIG) for fit in (Gaussian(), ExpectationMaximisation(components=4)))
    for name in generation.metrics_of(TASK):
        assert mixture[name]["mean"][5] < 0.8 * gaussian[name]["mean"][5]


def test_curves_are_asked_at_few_steps_and_only_where_clouds_are() -> None:
    amortizer = awake(small("implicit", Letters()))
    config = replace(CONFIG, generation_tasks=2)
    found = curves(amortizer, Letters(split="test"), config)
    assert list(found) == ["w2"] and not hasattr(Letters(), "log_prob")
    assert [value is None for value in found["w2"]["mean"]] == [True, False, True, True, True, False]
    assert curves(amortizer, Letters(), replace(config, generation_tasks=0)) == {}
    assert references(Letters(), replace(config, generation_tasks=0)) == {}


def test_all_learners_are_judged_on_the_same_clouds() -> None:
    one, again = (generation.Trial.of(TASK, CONFIG) for _ in range(2))
    assert torch.equal(one.truth, again.truth) and torch.equal(one.noise, again.noise)
    assert not torch.equal(generation.Trial.of(TASK, replace(CONFIG, seed=2)).truth, one.truth)
