"""Mixtures draw the law that they state, and their velocity field is E[z - e | x_t, t]."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.func import grad

from iai.losses import squared_error
from iai.tasks import Mixture, data_points, interpolated

TASK = Mixture(dimension=2, components=3)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(task: Mixture = TASK, seed: int = 3) -> torch.Tensor:
    return task.draw(generator(seed), 1)


def test_one_component_has_the_field_of_a_gaussian() -> None:
    task = Mixture(dimension=3, components=1)
    theta = drawn(task)
    x = task.sample(generator(), 1, 20).x[0]
    point, t = x[:, :3], x[:, 3:]
    (mean,), _, (variance,) = task.parameters(theta[0])
    slope = (t * variance - (1 - t)) / ((1 - t) ** 2 + t**2 * variance)
    torch.testing.assert_close(task.decode(x, theta[0]), mean + slope * (point - t * mean))


def test_what_the_field_leaves_of_a_velocity_no_function_of_its_input_explains() -> None:
    """E[v | x] is the function whose residual is uncorrelated with all functions of x; another mixture's is not."""
    theta = drawn()
    data = interpolated(generator(1), TASK.points(generator(2), theta, 200_000))
    x, y = data.x[0], data.y[0]
    features = torch.cat([torch.ones_like(x[:, :1]), x, (3 * x).sin(), (3 * x).cos(), (6 * x).sin()], dim=1)

    def z_scores(theta: torch.Tensor) -> torch.Tensor:
        products = (y - TASK.decode(x, theta))[:, :, None] * features[:, None]
        return products.mean(0) / products.std(0) * len(x) ** 0.5

    assert z_scores(theta[0]).abs().max() < 4.5
    assert z_scores(theta[0] + 0.05).abs().max() > 10


def test_log_prob_is_that_of_a_mixture_and_integrates_to_one() -> None:
    theta = drawn()[0]
    means, log_weights, variances = TASK.parameters(theta)
    normal = Independent(Normal(means, variances.sqrt()[:, None].expand_as(means)), 1)
    axis = torch.linspace(-6, 6, 401)
    grid = torch.cartesian_prod(axis, axis)
    found = TASK.log_prob(grid, theta)
    expected = MixtureSameFamily(Categorical(logits=log_weights), normal).log_prob(grid)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
    assert (found.double().exp().sum() * 0.03**2).item() == pytest.approx(1, abs=1e-4)


def test_points_have_the_moments_of_theta() -> None:
    theta = drawn()
    means, log_weights, variances = TASK.parameters(theta[0])
    weights = log_weights.exp()
    z = TASK.points(generator(), theta, 200_000)[0]
    mean = weights @ means
    second = torch.einsum("k,ki,kj->ij", weights, means, means) + (weights * variances).sum() * torch.eye(2)
    torch.testing.assert_close(z.mean(0), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(z.T @ z / len(z), second, atol=0.03, rtol=0)


@pytest.mark.parametrize("dimension", [2, 5])
def test_scales_are_those_of_the_data(dimension: int) -> None:
    task = Mixture(dimension=dimension)
    data = task.sample(generator(), 3000, 20)
    assert data.x.square().mean().sqrt().item() == pytest.approx(task.x_scale, rel=0.02)
    assert data.y.square().mean().sqrt().item() == pytest.approx(task.y_scale, rel=0.02)


def test_parameters_have_the_stated_law() -> None:
    means, log_weights, variances = TASK.parameters(TASK.draw(generator(), 5000))
    assert means.mean().abs().item() < 0.03 and means.std().item() == pytest.approx(1, abs=0.02)
    torch.testing.assert_close(log_weights.exp().sum(1), torch.ones(5000))
    assert log_weights.exp().mean(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.01)
    assert variances.mean().item() == pytest.approx(0.1 * math.exp(0.125), rel=0.03)


def test_a_pair_determines_its_data_point() -> None:
    z = TASK.points(generator(), TASK.draw(generator(), 4), 6)
    torch.testing.assert_close(data_points(interpolated(generator(1), z)), z, atol=1e-5, rtol=1e-5)


def test_components_have_no_order_but_differ_at_theta_zero() -> None:
    """Gradients at the start are not alike; without anchors they would be, and stay so."""
    data = TASK.sample(generator(), 1, 200)
    theta, order = drawn()[0], torch.tensor([2, 0, 1])
    moved = torch.cat([TASK.anchors(theta), torch.zeros(3, 2)], dim=1)
    permuted = (theta + moved)[order] - moved
    x, y = data.x[0], data.y[0]
    torch.testing.assert_close(TASK.decode(x, permuted), TASK.decode(x, theta))
    gradient = grad(lambda theta: squared_error(TASK.decode(x, theta), y).mean())(torch.zeros(3, 4))
    first, second, third = gradient[:, :2]
    assert min((first - second).norm(), (second - third).norm(), (first - third).norm()) > 0.01
