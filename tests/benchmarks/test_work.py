"""What is timed runs, and has the loss of its floor: benchmarks themselves run by hand alone."""

import pytest
import test_implicit
import test_maml
import torch


@pytest.mark.parametrize("steps", [1, 5])
def test_chapter_1s_maml_has_the_loss_and_gradient_of_its_floor(steps: int) -> None:
    test_maml.test_maml_losses_agree("floor", steps)


@pytest.mark.parametrize("who", ["floor", "ours"])
def test_an_implicit_step_has_a_loss_to_descend(who: str) -> None:
    model, loss = test_implicit.WHO[who](torch.bfloat16)
    loss().backward()
    assert sum(float(weight.grad.abs().sum()) for weight in model.parameters() if weight.grad is not None) > 0
