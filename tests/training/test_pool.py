"""The pool: each cohort reads its own next mini-batch; cohorts come in at the end and leave at the front."""

import torch

from iai.training.pool import Pool, current_batches
from iai.types import Batch, State


def pool(tasks: int, value: float) -> Pool:
    data = Batch(torch.full((tasks, 6, 1), value), torch.full((tasks, 6, 1), -value))
    return Pool(data, State(torch.full((tasks, 2, 3), value), torch.zeros(tasks, 2, 0), torch.zeros(tasks, 0, 0)))


def test_the_newest_cohort_reads_its_first_mini_batch_and_the_others_are_one_further_each() -> None:
    points = torch.arange(6.0).view(1, 6, 1).expand(4, 6, 1)  # two cohorts of two tasks, three mini-batches of two
    found = current_batches(Batch(points, -points), cohorts=2, points=2)
    assert found.x[..., 0].tolist() == [[2, 3], [2, 3], [0, 1], [0, 1]] and torch.equal(found.y, -found.x)


def test_cohorts_are_admitted_at_the_end_and_retired_at_the_front() -> None:
    both = pool(2, 1.0).admit(pool(1, 2.0))
    assert both.state.value[:, 0, 0].tolist() == both.data.x[:, 0, 0].tolist() == [1, 1, 2]
    assert both.retire(2).state.value[:, 0, 0].tolist() == [2]


def test_a_clone_has_memory_of_its_own_and_copies_in_place() -> None:
    first, other = pool(2, 1.0), pool(2, 5.0)
    copy = first.clone()
    copied = copy.copy_(other)
    assert copied.state.value.data_ptr() == copy.state.value.data_ptr() != first.state.value.data_ptr()
    assert copy.data.y[0, 0, 0] == -5 and first.data.y[0, 0, 0] == -1
