"""One run on several processes, as `torchrun` starts them: each trains on a share of the tasks, with the mean gradient.

Every process draws all tasks and keeps its share, so results depend on the config alone. All gradients travel in one
message: models are smaller than one bucket of `DistributedDataParallel`, which wraps `forward`, and no loss here is
computed in a `forward`.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor

from iai.types import UserError


class ProcessLost(ConnectionError):
    """Another process of this run has ended."""


def world() -> int:
    """The number of processes of this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if world() > 1 else 0


def launched() -> int:
    """The number of processes that `torchrun` started, or 1 where it did not: a batch system sets WORLD_SIZE alone."""
    size, rank, *others = (os.environ.get(name, "") for name in ("WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT"))
    if not (size and rank and all(others)):
        return 1
    if not (all(map(str.isdecimal, (size, rank, others[1]))) and int(rank) < int(size)):
        raise UserError(f"RANK={rank} is no process of WORLD_SIZE={size}: start with torchrun, or unset both")
    return int(size)


def local_device(name: str | None) -> str | None:
    """The GPU of this process, if there are several processes and no device but "cuda" was named; else `name`."""
    cuda = torch.cuda.is_available() and name in (None, "cuda")
    return f"cuda:{os.environ.get('LOCAL_RANK') or 0}" if launched() > 1 and cuda else name


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Join the process group of `torchrun`, and leave it at the end; no-op for one process."""
    if launched() > 1:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        leave_group()


def leave_group() -> None:
    """Leave the process group, if there is one; this process goes on alone."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def share(tasks: int) -> slice:
    """This process's part of the tasks; `UserError` if there are fewer tasks than processes."""
    if tasks < world():
        raise UserError(f"an update has {tasks} new tasks: start {tasks} processes at most")
    return slice(tasks * rank() // world(), tasks * (rank() + 1) // world())


def scale_to_mean(loss: Tensor, tasks: int) -> Tensor:
    """The mean loss of this process's share, scaled so that its mean over processes is the mean over all tasks."""
    if world() == 1:
        return loss
    part = share(tasks)
    return loss * ((part.stop - part.start) * world() / tasks)


def average(tensors: Sequence[Tensor]) -> None:
    """Replace tensors, in place, by their means over all processes; `ProcessLost` if one has ended."""
    if world() == 1:
        return
    message = torch.cat([tensor.flatten() for tensor in tensors])
    _reduce(message, dist.ReduceOp.SUM)
    parts = (message / world()).split([tensor.numel() for tensor in tensors])
    for tensor, mean in zip(tensors, parts):
        tensor.copy_(mean.view_as(tensor))


def any_process(flag: bool) -> bool:
    """Whether the flag is set in any process; all processes wait for each other."""
    if world() == 1:
        return flag
    message = torch.tensor(float(flag), device="cuda" if dist.get_backend() == "nccl" else "cpu")
    _reduce(message, dist.ReduceOp.MAX)
    return bool(message.item())


def _reduce(message: Tensor, how: dist.ReduceOp.RedOpType) -> None:
    try:
        dist.all_reduce(message, how)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise ProcessLost("another process of this run has ended") from error
