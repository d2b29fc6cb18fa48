"""Linear regression draws the law that it states."""

import math
from typing import Literal

import pytest
import torch

from iai.tasks import LinearRegression


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("bias", [False, True])
def test_without_noise_one_theta_explains_a_task(bias: bool) -> None:
    task = LinearRegression(dimension=4, bias=bias, noise_variance=0.0)
    data = task.sample(generator(), 500, 12)
    theta = torch.linalg.lstsq(task.design(data.x), data.y).solution
    for i in range(3):
        torch.testing.assert_close(task.decode(data.x[i], theta[i].T), data.y[i], atol=1e-4, rtol=0)
    assert theta.shape == (500, *reversed(task.theta_shape))
    assert theta.mean().abs().item() < 5 / math.sqrt(theta.numel())
    assert theta.std().item() == pytest.approx(1, abs=0.05)


def test_noise_has_the_stated_variance() -> None:
    task = LinearRegression(dimension=3, noise_variance=0.25)
    noisy = task.sample(generator(), 100, 100)
    theta = torch.linalg.lstsq(task.design(noisy.x), noisy.y).solution
    residual = (noisy.y - task.design(noisy.x) @ theta).square().sum() / (100 * (100 - 4))
    assert residual.item() == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize("inputs", ["normal", "uniform", "sphere"])
def test_inputs_have_mean_zero_and_variance_one(inputs: Literal["normal", "uniform", "sphere"]) -> None:
    task = LinearRegression(dimension=5, inputs=inputs)
    data = task.sample(generator(), 200, 50)
    assert data.x.mean().abs().item() < 0.02
    assert data.x.square().mean().item() == pytest.approx(1, abs=0.02)
    assert data.y.square().mean().sqrt().item() == pytest.approx(task.y_scale, rel=0.1)


def test_input_laws_differ_in_their_bounds() -> None:
    uniform = LinearRegression(inputs="uniform").sample(generator(), 10, 50).x
    sphere = LinearRegression(inputs="sphere").sample(generator(), 10, 50).x
    assert uniform.abs().max().item() <= math.sqrt(3)
    torch.testing.assert_close(sphere.norm(dim=-1), torch.full((10, 50), math.sqrt(10)))
