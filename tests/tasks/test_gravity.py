"""Gravity obeys Newton."""

import pytest
import torch

from iai.tasks import Gravity


def test_a_body_thrown_up_on_earth_returns() -> None:
    returned = Gravity().decode(torch.tensor([[1.0, 9.81 / 2]]), torch.ones(1, 1))
    assert returned.item() == pytest.approx(0, abs=1e-6)


def test_without_noise_one_g_explains_a_planet() -> None:
    task = Gravity(noise_sd=0.0)
    data = task.sample(torch.Generator().manual_seed(0), 300, 40)
    t, v = data.x.split(1, dim=-1)
    g = ((v * t - data.y) * t.square()).sum(1) / (t**4 / 2).sum(1)
    theta = g / 9.81
    for i in range(3):
        torch.testing.assert_close(task.decode(data.x[i], theta[i, None]), data.y[i], atol=1e-4, rtol=0)
    assert theta.min().item() == pytest.approx(task.weakest, abs=0.05)
    assert theta.max().item() == pytest.approx(task.strongest, abs=0.05)


def test_scales_are_those_of_the_data() -> None:
    task = Gravity()
    data = task.sample(torch.Generator().manual_seed(0), 2000, 50)
    assert data.x.square().mean().sqrt().item() == pytest.approx(task.x_scale, rel=0.01)
    assert data.y.square().mean().sqrt().item() == pytest.approx(task.y_scale, rel=0.05)
    assert data.x[..., 0].max().item() <= 2 and data.x[..., 1].max().item() <= 5
