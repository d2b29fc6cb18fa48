"""One run on several processes, as `torchrun` starts them: each has its share of the tasks, all the mean gradient.

Every process draws all tasks and keeps its own, so that what is computed is a function of the config alone.
The gradients travel as one message: the models are smaller than one bucket of `DistributedDataParallel`, whose
wrapper listens to `forward`, where no loss of ours is computed.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor

from iai.types import UserError


class Lost(ConnectionError):
    """Another process of this run has ended."""


def world() -> int:
    """Processes of this run."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's number, from 0."""
    return dist.get_rank() if world() > 1 else 0


def started() -> int:
    """Processes that `torchrun` started with this one, or 1."""
    return int(os.environ.get("WORLD_SIZE", 1))


def own_device(name: str | None) -> str | None:
    """The name of this process's own GPU, where there are several processes and no device was named but "cuda"."""
    cuda = torch.cuda.is_available() and name in (None, "cuda")
    return f"cuda:{os.environ['LOCAL_RANK']}" if started() > 1 and cuda else name


@contextmanager
def processes(device: torch.device) -> Iterator[None]:
    """Be one of the processes that `torchrun` started, if it did, until the end of the training."""
    if started() > 1:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        leave()


def leave() -> None:
    """Be one process again: what follows a training is the first one's alone."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def share(tasks: int) -> slice:
    """This process's part of so many tasks; `UserError` if there is not one for each process."""
    if tasks < world():
        raise UserError(f"an update has {tasks} new tasks: start {tasks} processes at most")
    return slice(tasks * rank() // world(), tasks * (rank() + 1) // world())


def weighed(loss: Tensor, tasks: int) -> Tensor:
    """The mean loss of this process's share, so that its mean over processes is that of all tasks."""
    if world() == 1:
        return loss
    part = share(tasks)
    return loss * ((part.stop - part.start) * world() / tasks)


def average(tensors: Sequence[Tensor]) -> None:
    """Replace tensors, in place, by their means over all processes; `Lost` if one of those has ended."""
    if world() == 1:
        return
    message = torch.cat([tensor.flatten() for tensor in tensors])
    _reduce(message, dist.ReduceOp.SUM)
    parts = (message / world()).split([tensor.numel() for tensor in tensors])
    for tensor, mean in zip(tensors, parts):
        tensor.copy_(mean.view_as(tensor))


def agreed(wish: bool) -> bool:
    """Whether any process has the wish: all wait for all, and get the same answer."""
    if world() == 1:
        return wish
    flag = torch.tensor(float(wish), device="cuda" if dist.get_backend() == "nccl" else "cpu")
    _reduce(flag, dist.ReduceOp.MAX)
    return bool(flag.item())


def _reduce(message: Tensor, how: dist.ReduceOp.RedOpType) -> None:
    try:
        dist.all_reduce(message, how)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise Lost("another process of this run has ended") from error
