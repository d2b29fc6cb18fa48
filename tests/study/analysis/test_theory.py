"""What was derived agrees with what is simulated."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from iai.study.analysis.theory import gradient_variance, ridge_variance, same_gradient
from iai.types import UserError


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("d", "points"), [(60, 60), (60, 15), (20, 100)])
@pytest.mark.parametrize("variance", [1.0, 0.01])
def test_ridge_variance_is_the_mean_of_the_posterior(d: int, points: int, variance: float) -> None:
    x = normal(200, points, d)
    precision = x.mT @ x / 0.25 + torch.eye(d, dtype=x.dtype) / variance
    simulated = torch.linalg.inv(precision).diagonal(dim1=1, dim2=2).mean().item()
    assert ridge_variance(variance, d, points, 0.25) == pytest.approx(simulated, rel=0.08)  # at finite d


@pytest.mark.parametrize(("d", "points", "variance"), [(5, 5, 1.0), (11, 10, 0.1), (3, 30, 0.5)])
def test_gradient_variance_is_that_of_the_best_multiple(d: int, points: int, variance: float) -> None:
    tasks, noise = 40_000, 0.25
    error, x = variance**0.5 * normal(tasks, d, 1), normal(tasks, points, d, seed=1)
    moment = x.mT @ (x @ error + noise**0.5 * normal(tasks, points, 1, seed=2)) / points
    best = (error * moment).mean() / moment.square().mean()
    simulated = (error - best * moment).square().mean().item()
    assert gradient_variance(variance, d, points, noise) == pytest.approx(simulated, rel=0.02)


def test_variances_shrink_and_ridge_is_the_lesser() -> None:
    v = 1.0
    for _ in range(30):
        with_data, with_gradient = (f(v, 11, 10, 0.25) for f in (ridge_variance, gradient_variance))
        assert 0 < with_data <= with_gradient < v
        v = with_gradient


@settings(deadline=None, max_examples=30)
@given(d=st.integers(1, 6), seed=st.integers(0, 1000))
def test_a_data_set_with_a_given_gradient_and_solution(d: int, seed: int) -> None:
    theta, gradient, solution = normal(3, d, seed=seed)
    if (theta - solution) @ gradient < 0:
        solution = 2 * theta - solution
    batch = same_gradient(theta, gradient, solution, d + 3, torch.Generator().manual_seed(seed))
    x, y = batch.x[0], batch.y[0, :, 0]
    torch.testing.assert_close(2 / len(y) * x.T @ (x @ theta - y), gradient)
    found = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
    torch.testing.assert_close(found, solution, rtol=1e-4, atol=1e-6)


def test_no_data_set_has_its_solution_up_the_gradient() -> None:
    theta, gradient = normal(2, 3)
    with pytest.raises(UserError, match="points away"):
        same_gradient(theta, gradient, theta + gradient, 5, torch.Generator())
    with pytest.raises(UserError, match="ask for 3 or more"):
        same_gradient(theta, gradient, theta - gradient, 2, torch.Generator())
