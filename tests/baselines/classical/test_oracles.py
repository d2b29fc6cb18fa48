"""Ridge is the closed form, and the memoryless bound is that of the literature table of this project."""

from itertools import pairwise

import pytest
import torch

from iai.baselines.classical import Memoryless, Ridge
from iai.losses import squared_error
from iai.tasks import LinearRegression, episode
from iai.types import concat


@pytest.mark.parametrize("bias", [False, True])
def test_ridge_is_the_mean_of_a_gaussian_process(bias: bool) -> None:
    task = LinearRegression(dimension=4, bias=bias, noise_variance=0.3)
    batches, queries = episode(task, torch.Generator().manual_seed(0), 5, 2, 6, 7)
    seen, x = concat(batches).x.double(), queries.x.double()
    kernel = seen @ seen.mT + bias
    weights = torch.linalg.solve(kernel + 0.3 * torch.eye(12), concat(batches).y.double())
    expected = (x @ seen.mT + bias) @ weights
    y_hat = Ridge(noise_variance=0.3, bias=bias)(batches, queries.x)
    torch.testing.assert_close(y_hat.double(), expected, atol=1e-5, rtol=1e-5)


def test_without_noise_enough_points_are_exact() -> None:
    task = LinearRegression(dimension=4, noise_variance=0.0)
    batches, queries = episode(task, torch.Generator().manual_seed(0), 5, 2, 10, 7)
    for learner in (Ridge(noise_variance=0.0), Memoryless(noise_variance=0.0)):
        torch.testing.assert_close(learner(batches, queries.x), queries.y, atol=1e-3, rtol=1e-3)


def test_one_batch_needs_no_memory() -> None:
    batches, queries = episode(LinearRegression(), torch.Generator().manual_seed(0), 4, 1, 10, 7)
    ridge, memoryless = (kind(noise_variance=0.25)(batches, queries.x) for kind in (Ridge, Memoryless))
    torch.testing.assert_close(ridge, memoryless)


def test_every_direction_that_is_kept_helps_and_all_of_them_are_ridge() -> None:
    batches, queries = episode(LinearRegression(dimension=5), torch.Generator().manual_seed(0), 200, 4, 3, 20)
    ridge = Ridge(noise_variance=0.25)(batches, queries.x)
    kept = [Memoryless(noise_variance=0.25, directions=n)(batches, queries.x) for n in (0, 1, 2, 3, 6)]
    errors = [squared_error(y_hat, queries.y).mean().item() for y_hat in kept]
    assert all(more < fewer for fewer, more in pairwise(errors))
    torch.testing.assert_close(kept[-1], ridge)


def test_axes_are_kept_with_their_variances_and_the_others_share_their_mean() -> None:
    variances = torch.tensor([[0.01, 1.0, 1.2, 5.0], [0.9, 1.0, 1.3, 9.0]], dtype=torch.float64)
    axes = torch.linalg.qr(torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(0)).double()).Q
    kept = Memoryless(noise_variance=1.0, directions=2).kept(axes * variances[:, None] @ axes.mT)
    expected = torch.tensor([[0.01, 1.1, 1.1, 5.0], [0.95, 0.95, 1.3, 9.0]], dtype=torch.float64)
    torch.testing.assert_close(torch.linalg.eigvalsh(torch.linalg.inv(kept)), expected)


@pytest.mark.parametrize(
    ("dimension", "points", "tasks", "expected"),
    [
        (10, 10, 1500, {1: 2.44, 2: 1.03, 5: 0.390, 10: 0.297, 20: 0.268}),
        (20, 20, 600, {1: 3.26, 2: 1.11, 5: 0.392, 10: 0.296, 20: 0.268}),
        (100, 50, 100, {1: 52.2, 2: 26.8, 5: 4.05, 10: 0.616, 20: 0.312}),
    ],
)
def test_memoryless_bound_is_known(dimension: int, points: int, tasks: int, expected: dict[int, float]) -> None:
    """Raw MSE, noise included, of block Kaczmarz with the right prior variances, computed elsewhere."""
    task = LinearRegression(dimension=dimension)
    batches, queries = episode(task, torch.Generator().manual_seed(7), tasks, 20, points, 100)
    learner = Memoryless(noise_variance=0.25)
    for steps, mse in expected.items():
        error = squared_error(learner(batches[:steps], queries.x), queries.y).mean(dim=1)
        within = 3.5 * error.std().item() / tasks**0.5 + 0.005 * mse
        assert error.mean().item() == pytest.approx(mse, abs=within), steps
