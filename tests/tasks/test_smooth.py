"""Smooth functions are the Gaussian process that they stand for, and classes have the law that they state."""

import pytest
import torch

from iai.baselines.classical import for_task
from iai.tasks import Smooth, SmoothClasses, episode
from iai.tasks.smooth import EDGE


@pytest.mark.parametrize(
    "task", [Smooth(), Smooth(dimension=2, length=1.0, features=10), Smooth(length=0.3, features=36)]
)
def test_features_have_the_squared_exponential_kernel_inside_the_edges(task: Smooth) -> None:
    x = EDGE * (2 * torch.rand(40, task.dimension, generator=torch.Generator().manual_seed(0)) - 1)
    kernel = (-torch.cdist(x, x).square() / (2 * task.length**2)).exp()
    torch.testing.assert_close(task.design(x) @ task.design(x).mT, kernel, atol=3e-3, rtol=0)


@pytest.mark.parametrize("task", [Smooth(), SmoothClasses()])
def test_scales_are_those_of_the_data(task: Smooth) -> None:
    data = task.sample(torch.Generator().manual_seed(0), 2000, 40)
    assert data.x.square().mean().sqrt().item() == pytest.approx(task.x_scale, rel=0.01)
    assert data.y.square().mean().sqrt().item() == pytest.approx(task.y_scale, rel=0.03)
    assert data.x.abs().max() <= EDGE


def test_without_noise_theta_explains_what_is_observed() -> None:
    task = Smooth(noise_sd=0.0)
    data = task.sample(torch.Generator().manual_seed(0), 3, 60)
    for x, y in zip(data.x, data.y):
        theta = torch.linalg.lstsq(task.design(x).double(), y.double()).solution
        torch.testing.assert_close(task.decode(x, theta.mT.float()), y, atol=1e-3, rtol=0)


def test_bayes_is_the_posterior_mean_of_the_process() -> None:
    task = Smooth()
    batches, queries = episode(task, torch.Generator().manual_seed(0), 2, 2, 5, 7)
    found = for_task(task, points=5, steps=2)["bayes"](batches, queries.x)
    for i in range(2):
        x, y = (torch.cat([getattr(batch, name)[i] for batch in batches]).double() for name in ("x", "y"))
        known, asked = task.design(x), task.design(queries.x[i].double())
        gram = known @ known.mT + task.noise_sd**2 * torch.eye(10, dtype=torch.float64)
        torch.testing.assert_close(found[i].double(), asked @ known.mT @ torch.linalg.solve(gram, y), atol=1e-4, rtol=0)


def test_labels_are_drawn_from_the_likelihood_and_tasks_differ_in_their_classes() -> None:
    task = SmoothClasses(noise_sd=1.0)
    f = torch.randn(1, 1, 4, generator=torch.Generator().manual_seed(1))
    labels = task.observed(f.expand(1, 20_000, 4), torch.Generator().manual_seed(0))
    torch.testing.assert_close(labels.mean(1), f.softmax(-1)[0], atol=0.015, rtol=0)
    data = SmoothClasses().sample(torch.Generator().manual_seed(0), 200, 100)
    classes = (data.y.mean(1) > 0.02).sum(-1).bincount(minlength=5) / 200
    assert classes[2] > 0.15 and classes[4] < 0.45, "without offsets most tasks have all four"
