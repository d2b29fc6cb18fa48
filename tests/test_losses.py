"""Losses equal PyTorch's own, one number an example, and count what they say they count."""

import pytest
import torch
import torch.nn.functional as F

from iai.losses import LOSSES, METRICS, accuracy, cross_entropy, squared_error, zero_one


def labels(classes: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randint(classes, (4, 5), generator=generator)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_cross_entropy_is_pytorchs(classes: int) -> None:
    generator = torch.Generator().manual_seed(classes)
    logits, y = 5 * torch.randn(4, 5, classes, generator=generator), labels(classes, generator)
    expected = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view(4, 5)
    torch.testing.assert_close(cross_entropy(logits, F.one_hot(y, classes).float()), expected)


def test_squared_error_averages_over_the_features_of_a_target() -> None:
    y_hat, y = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    assert squared_error(y_hat, y).tolist() == [2.5, 4.5]


def test_zero_one_and_accuracy_add_to_one() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, y = torch.randn(4, 5, 3, generator=generator), labels(3, generator)
    one_hot = F.one_hot(y, 3).float()
    assert torch.equal(zero_one(logits, one_hot), (logits.argmax(-1) != y).float())
    assert torch.equal(zero_one(logits, one_hot) + accuracy(logits, one_hot), torch.ones(4, 5))


def test_zero_one_does_not_change_under_a_monotone_map() -> None:
    logits, y = torch.randn(7, 4), F.one_hot(torch.arange(7) % 4, 4).float()
    assert torch.equal(zero_one(logits, y), zero_one(logits.softmax(-1), y))


def test_every_training_loss_is_reported_as_loss() -> None:
    assert {name: metrics["loss"] for name, metrics in METRICS.items()} == LOSSES


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("loss", METRICS)
def test_no_metric_of_predictions_that_are_not_finite_is_a_number(loss: str, wrong: float) -> None:
    y = torch.eye(3).expand(2, 3, 3)
    y_hat = torch.zeros(2, 3, 3)
    y_hat[1, 0, 1] = wrong
    for name, metric in METRICS[loss].items():
        found = metric(y_hat, y)
        assert found[0].isfinite().all() and not found[1, 0].isfinite(), name
