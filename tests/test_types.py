"""The types: slices and joins are inverse, shapes are checked, absence is an axis of length 0."""

import pytest
import torch

from iai.tasks import Gravity, LinearRegression
from iai.types import Batch, Evidence, State, Task, UserError, concat


def batch(points: int = 6) -> Batch:
    return Batch(torch.randn(2, points, 3), torch.randn(2, points, 1))


def test_slices_then_concat_is_the_identity() -> None:
    whole = batch()
    joined = concat([whole[:2], whole[2:2], whole[2:]])
    assert torch.equal(joined.x, whole.x) and torch.equal(joined.y, whole.y)
    assert [whole[:2].points, whole[2:2].points, whole.points] == [2, 0, 6]


def test_to_moves_both() -> None:
    moved = batch().to("meta")
    assert moved.x.device.type == moved.y.device.type == "meta"


def test_detach_cuts_every_part_of_a_state() -> None:
    parts = [torch.randn(1, n, 2, requires_grad=True) for n in (3, 3, 6)]
    state = State(*parts).detach()
    assert not any(part.requires_grad for part in (state.value, state.anchor, state.past))
    assert torch.equal(state.value, parts[0])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Batch(torch.zeros(2, 3, 1), torch.zeros(2, 4, 1)),  # different numbers of observations
        lambda: Batch(torch.zeros(2, 3, 1), torch.zeros(3, 3, 1)),  # different tasks
        lambda: State(torch.zeros(2, 3, 1), torch.zeros(2, 4, 1), torch.zeros(2, 0, 0)),  # an anchor too many
        lambda: Evidence(batch(), torch.zeros(2, 1, 4)),  # gradients without slots
    ],
)
def test_shapes_are_types(wrong) -> None:
    with pytest.raises(Exception, match="type"):
        wrong()


def test_values_are_frozen() -> None:
    with pytest.raises(AttributeError):
        batch().x = torch.zeros(2, 6, 3)


def test_tasks_meet_the_protocol_and_user_errors_are_value_errors() -> None:
    assert isinstance(LinearRegression(), Task) and isinstance(Gravity(), Task)
    assert not isinstance(object(), Task)
    assert issubclass(UserError, ValueError)
