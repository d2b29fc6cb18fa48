import math

import pytest
import torch

from iai.study.analysis.information import (
    batch_information,
    gradient_error_with_bias,
    gradient_information,
    gradient_log_density,
)
from iai.study.analysis.theory import gradient_variance, ridge_variance


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def normal(x: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    return torch.distributions.MultivariateNormal(torch.zeros(x.shape[-1]).double(), covariance).log_prob(x)


@pytest.mark.parametrize(("variance", "points"), [(1.0, 4), (0.2, 3)])
def test_densities_of_a_gradient_are_mixtures_over_inputs(variance: float, points: int) -> None:
    """Given A = X'X / B, m is N(A e, noise A / B): both densities are mixtures over draws of A, here in the plane."""
    noise, generator = 0.25, seeded()
    x = torch.randn(6_000, points, 2, generator=generator, dtype=torch.float64)
    a = x.mT @ x / points
    e = variance**0.5 * torch.randn(200, 2, generator=generator, dtype=torch.float64)
    root = torch.linalg.cholesky(noise * a[:200] / points)
    m = (a[:200] @ e[..., None] + root @ torch.randn(200, 2, 1, generator=generator, dtype=torch.float64))[..., 0]
    a, many = a[200:], math.log(len(a) - 200)
    given = torch.stack([normal(m[i] - a @ e[i], noise * a / points).logsumexp(0) - many for i in range(len(m))])
    alone = torch.stack([normal(one, variance * a @ a + noise * a / points).logsumexp(0) - many for one in m])
    size = e.square().sum(1)
    along = (m * e).sum(1) / size.sqrt()
    fast = gradient_log_density(along, m.square().sum(1) - along.square(), size, 2, points, noise)
    assert float((fast - given).abs().median()) < 0.1
    assert abs(float((fast - given).mean())) < 0.1
    found, _ = gradient_information(variance, 2, points, noise, seeded())
    error = float((given - alone).std()) / len(m) ** 0.5
    assert abs(found - float((given - alone).mean())) < 3 * error < 0.4


@pytest.mark.parametrize(("dimension", "points", "variance"), [(2, 4, 1.0), (8, 8, 0.1), (32, 16, 1.0)])
def test_a_gradient_says_more_than_its_linear_part_and_less_than_its_batch(
    dimension: int, points: int, variance: float
) -> None:
    found, left = gradient_information(variance, dimension, points, 0.25, seeded())
    linear = gradient_variance(variance, dimension, points, 0.25)
    assert left < 1.01 * linear
    assert dimension / 2 * math.log(variance / linear) - 0.05 < found
    more, least = batch_information(variance, dimension, points, 0.25, seeded())
    assert found < more and least < left
    many = batch_information(variance, 128, 64, 0.25, seeded(), draws=8)[1]
    assert many == pytest.approx(ridge_variance(variance, 128, 64, 0.25), rel=0.03)


def test_one_observation_says_what_its_input_is_long() -> None:
    """E log(1 + v x^2 / noise) / 2 in one dimension, by Gauss-Hermite's rule."""
    from numpy.polynomial.hermite_e import hermegauss

    nodes, weights = hermegauss(60)
    exact = sum(weights * [math.log1p(4 * x * x) / 2 for x in nodes]) / math.sqrt(2 * math.pi)
    assert batch_information(1.0, 1, 1, 0.25, seeded(), draws=40_000)[0] == pytest.approx(exact, abs=0.02)


def test_far_from_the_noise_two_steps_of_the_prior_are_worth_the_same() -> None:
    """Without noise a gradient's part of the error does not depend on how large the error is."""
    parts = [gradient_information(v, 8, 8, 1e-9, seeded())[1] / v for v in (1.0, 100.0)]
    assert parts[0] == pytest.approx(parts[1], rel=1e-6)


def test_a_bias_is_worth_little_in_many_dimensions_and_its_input_says_something_in_few() -> None:
    many = gradient_error_with_bias(1.0, 32, 16, 0.25, seeded())
    assert many == pytest.approx(gradient_information(1.0, 33, 16, 0.25, seeded())[1], rel=0.02)
    few, alone = gradient_error_with_bias(1.0, 2, 4, 0.25, seeded()), gradient_information(1.0, 3, 4, 0.25, seeded())[1]
    assert few < 0.95 * alone
    # the best multiples of m, one for the inputs and one for the bias, from second moments
    inputs, bias = 1 + 4 / 4 + 0.25 / 4, 1 + (2 + 0.25) / 4
    assert few < (2 * (1 - 1 / inputs) + 1 - 1 / bias) / 3
