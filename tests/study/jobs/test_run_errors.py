"""An error of the machine is one line: the size that did not fit, the setting to lower, what is kept."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small import small
from torch import Tensor

from iai.study.jobs import MachineError
from iai.study.jobs.run import fit
from iai.tasks import LinearRegression
from iai.training import Greedy, ProcessLost


class Failing(Greedy):
    """A pool that trains for one roll-out, and then meets with an error."""

    def __call__(self, amortizer, generator: torch.Generator, done: float = 1.0) -> Iterator[Tensor]:
        yield from super().__call__(amortizer, generator, done)
        if done > 0:
            raise self.__dict__["error"]


def failing(error: Exception, path: Path) -> None:
    """Train until the error comes; a checkpoint is written after every roll-out."""
    plain = small()
    objective = Failing(**vars(plain.objective))
    objective.__dict__["error"] = error
    training = replace(plain.train, updates=40, checkpoint_seconds=0.0)
    fit(replace(plain, objective=objective, train=training), path=path, show=False)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            RuntimeError("CUDA error: unspecified launch failure\nmore"),
            "device was lost .CUDA error: unspecified launch",
        ),
        (ProcessLost("another process of this run has ended"), "another process of this run has ended"),
    ],
)
def test_a_device_or_process_that_is_gone_leaves_the_last_checkpoint(tmp_path: Path, error, words: str) -> None:
    path = tmp_path / "run.safetensors"
    with pytest.raises(MachineError, match=f"{words}.*the last checkpoint is {path}; run the same command"):
        failing(error, path)
    assert path.exists()


def test_memory_that_ran_out_names_the_size_and_the_setting(tmp_path: Path) -> None:
    huge = replace(small().objective, task=LinearRegression(dimension=2), points=10**14)
    with pytest.raises(MachineError, match=r"4 tasks of 10+ points and 4 queries .* width 16: lower tasks or points"):
        fit(small(objective=huge), show=False)
    with pytest.raises(MachineError, match="out of memory at 4 tasks of 5 points"):
        failing(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), tmp_path / "a")


def test_other_errors_are_left_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shapes differ"):
        failing(RuntimeError("shapes differ"), tmp_path / "run.safetensors")
