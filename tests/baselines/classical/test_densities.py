"""Fitted densities: closed forms on few points, and recovery of the truth from many."""

import pytest
import torch
from torch.func import vmap

from iai.baselines.classical import ExpectationMaximisation, Gaussian, Kernel
from iai.baselines.classical.densities import points_seen
from iai.baselines.classical.fitted import best
from iai.losses import squared_error
from iai.tasks import Mixture, episode, interpolated
from iai.types import Batch


def of_points(z: torch.Tensor) -> Batch:
    return interpolated(torch.Generator().manual_seed(0), z)


def queries(tasks: int, d: int) -> torch.Tensor:
    return of_points(torch.randn(tasks, 9, d, generator=torch.Generator().manual_seed(1))).x


@pytest.mark.parametrize("learner", [Gaussian(), Kernel(), ExpectationMaximisation(components=2)])
def test_before_any_batch_all_fit_a_standard_normal(learner: Gaussian) -> None:
    """Whose field is (2 t - 1) x_t / ((1 - t)^2 + t^2)."""
    x = queries(2, 3)
    t = x[..., 3:]
    torch.testing.assert_close(learner([], x), (2 * t - 1) * x[..., :3] / ((1 - t) ** 2 + t**2))


def test_one_gaussian_is_the_moments_of_points_and_a_pseudo_point() -> None:
    z = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [2.0, 1.0]]])
    theta = Gaussian().theta([of_points(z)], queries(1, 2))[0]
    mean = z[0].sum(0) / 4
    second = (z[0].T @ z[0] + torch.eye(2)) / 4
    torch.testing.assert_close(theta[0], mean)
    covariance = theta[2:] @ theta[1].diag() @ theta[2:].T
    torch.testing.assert_close(covariance, second - torch.outer(mean, mean))


def test_a_gaussian_fit_to_a_gaussian_has_its_field() -> None:
    task = Mixture(dimension=3, components=1)
    theta = task.draw(torch.Generator().manual_seed(2), 2)
    seen = of_points(task.points(torch.Generator().manual_seed(3), theta, 50_000))
    x = queries(2, 3)
    expected = vmap(task.decode)(x, theta)
    for learner in (Gaussian(), ExpectationMaximisation(components=1)):
        torch.testing.assert_close(learner([seen], x), expected, atol=0.05, rtol=0.05)


def test_a_kernel_of_one_width_is_a_mixture_over_the_points() -> None:
    z = torch.tensor([[[1.0, 0.0], [-1.0, 2.0]]])
    theta = Kernel(factor=0.5).theta([of_points(z)], queries(1, 2))[0]
    torch.testing.assert_close(theta[:, :2], z[0])
    width = 0.5 * 2 ** (-1 / 6)  # both entries have variance 1
    assert theta[:, 3].exp().sqrt().tolist() == pytest.approx([width] * 2, rel=1e-5)


def test_em_finds_components_that_are_far_apart() -> None:
    means = torch.tensor([[4.0, 0.0], [-4.0, 0.0], [0.0, 5.0]])
    noise = torch.randn(1, 300, 2, generator=torch.Generator().manual_seed(0))
    z = means.repeat(100, 1) + 0.3 * noise
    theta = ExpectationMaximisation(components=3).theta([of_points(z)], queries(1, 2))[0]
    assert torch.cdist(means, theta[:, :2]).min(dim=1).values.max() < 0.1
    assert theta[:, 2].exp().tolist() == pytest.approx([1 / 3] * 3, abs=0.01)
    assert theta[:, 3].exp().tolist() == pytest.approx([0.09] * 3, abs=0.03)


def test_points_are_those_behind_the_pairs_of_all_batches() -> None:
    task = Mixture()
    batches, asked = episode(task, torch.Generator().manual_seed(0), 2, 3, 4, 5)
    z = points_seen(batches, asked.x)
    assert z.shape == (2, 12, 2) and points_seen([], asked.x).shape == (2, 0, 2)
    first = batches[0].x[:, :, :2] + (1 - batches[0].x[:, :, 2:]) * batches[0].y
    torch.testing.assert_close(z[:, :4], first)


def test_the_candidate_of_least_error_is_taken() -> None:
    batches, asked = episode(Mixture(), torch.Generator().manual_seed(0), 16, 5, 32, 64)
    candidates = [Kernel(factor=0.01), Kernel(factor=0.5), Kernel(factor=5.0)]
    assert best(candidates, squared_error, batches, asked) == candidates[1]
