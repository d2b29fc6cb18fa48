"""Mean, neighbours, logistic regression and the planet's posterior against independent computations."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsRegressor

from iai.baselines.classical import Logistic, Mean, Neighbours, Planet
from iai.losses import cross_entropy, zero_one
from iai.tasks import Gravity, Images, LinearRegression, episode
from iai.types import Batch, concat

IMAGES = Images(projection=6, ways=3, source="sample")


def test_mean_is_the_mean_of_all_targets() -> None:
    batches, queries = episode(LinearRegression(), torch.Generator().manual_seed(0), 2, 3, 4, 5)
    expected = concat(batches).y.mean(dim=1, keepdim=True).expand(-1, 5, -1)
    torch.testing.assert_close(Mean(dy=1)(batches, queries.x), expected)
    assert Mean(dy=1)([], queries.x).abs().max().item() == 0


def test_mean_of_labels_is_their_log_share_with_one_pseudo_observation() -> None:
    y = torch.tensor([[[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]]])
    logits = Mean(dy=3, classify=True)([Batch(torch.zeros(1, 3, 2), y)], torch.zeros(1, 1, 2))
    torch.testing.assert_close(logits[0, 0].exp(), torch.tensor([7 / 12, 4 / 12, 1 / 12]))
    before = Mean(dy=3, classify=True)([], torch.zeros(1, 1, 2))
    torch.testing.assert_close(before.exp(), torch.full((1, 1, 3), 1 / 3))


def test_neighbours_are_sklearns() -> None:
    batches, queries = episode(LinearRegression(), torch.Generator().manual_seed(0), 2, 3, 6, 5)
    seen = concat(batches)
    theirs = KNeighborsRegressor(4).fit(seen.x[1].numpy(), seen.y[1].numpy()).predict(queries.x[1].numpy())
    np.testing.assert_allclose(Neighbours(dy=1, neighbours=4)(batches, queries.x)[1], theirs, rtol=1e-5)


def test_nearest_neighbour_of_a_seen_image_is_itself() -> None:
    batches, _ = episode(IMAGES, torch.Generator().manual_seed(0), 2, 3, 6, 0)
    seen = concat(batches)
    logits = Neighbours(dy=3, classify=True, neighbours=1)(batches, seen.x)
    assert zero_one(logits, seen.y).sum().item() == 0


def test_logistic_is_sklearns_up_to_one_pseudo_observation() -> None:
    batches, queries = episode(IMAGES, torch.Generator().manual_seed(0), 2, 3, 10, 50)
    seen = concat(batches)
    model = LogisticRegression(C=0.1, tol=1e-3).fit(seen.x[1].numpy(), seen.y[1].argmax(-1).numpy())
    theirs = model.predict_proba(queries.x[1].numpy())
    ours = Logistic(dy=3)(batches, queries.x)[1].exp()
    np.testing.assert_allclose(ours, (30 * theirs + 1 / 3) / 31, atol=1e-5)


@pytest.mark.parametrize("classes", [1, 2])
def test_logistic_knows_that_there_are_classes_it_has_not_seen(classes: int) -> None:
    x = torch.randn(1, 8, 6, generator=torch.Generator().manual_seed(0))
    y = torch.nn.functional.one_hot(torch.arange(8) % classes + 1, 4).float()[None]
    logits = Logistic(dy=4)([Batch(x, y)], x)
    torch.testing.assert_close(logits[0, :, 0].exp(), torch.full((8,), 1 / 4 / 9))
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(1, 8))
    double = Logistic(dy=4)([Batch(x.double(), y.double())], x.double())
    torch.testing.assert_close(double, logits.double(), atol=1e-3, rtol=1e-3)
    assert cross_entropy(logits, y).mean().item() < math.log(4)


@pytest.mark.parametrize("noise_sd", [0.3, 3.0])
def test_planet_is_the_posterior_mean(noise_sd: float) -> None:
    """The posterior is a normal one cut at both ends of the prior; its mean by the textbook's formula."""
    task = Gravity(noise_sd=noise_sd)
    batches, queries = episode(task, torch.Generator().manual_seed(0), 20, 2, 2, 3)
    seen = concat(batches)
    t, v = seen.x.double().split(1, dim=-1)
    slope, rest = -9.81 * t.square() / 2, seen.y.double() - v * t
    precision = slope.square().sum(1) / noise_sd**2
    defaults, sd = (slope * rest).sum(1) / slope.square().sum(1), precision.rsqrt()
    normal = torch.distributions.Normal(0.0, 1.0)
    low, high = (task.weakest - defaults) / sd, (task.strongest - defaults) / sd
    density = normal.log_prob(low).exp() - normal.log_prob(high).exp()
    theta = defaults + sd * density / (normal.cdf(high) - normal.cdf(low))
    t, v = queries.x.double().split(1, dim=-1)
    expected = v * t - 9.81 * theta[:, None] * t.square() / 2
    torch.testing.assert_close(Planet(task=task)(batches, queries.x).double(), expected, atol=0.01, rtol=1e-3)


def test_planet_starts_at_the_mean_planet() -> None:
    task = Gravity()
    x = torch.tensor([[[2.0, 3.0]]])
    expected = 6 - 9.81 * (task.weakest + task.strongest)
    assert Planet(task=task)([], x).item() == pytest.approx(expected, rel=1e-5)
