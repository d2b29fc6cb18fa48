"""Errors of the machine in one line: what did not fit and what to lower, or what was lost and what was kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iai.training import ProcessLost


class MachineError(OSError):
    """Memory ran out, or a device or another process of the run is gone."""


@contextmanager
def machine_errors(size: str, remedy: str, path: Path | None = None) -> Iterator[None]:
    """Turn errors of the machine during work of some `size` into a `MachineError`; `path` is its checkpoint's."""
    try:
        yield
    except ProcessLost as error:
        raise MachineError(f"{error}: {kept(path)}") from error
    except RuntimeError as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "out of memory" in said or "can't allocate memory" in said:
            raise MachineError(f"out of memory at {size}: {remedy} ({said})") from error
        if "CUDA error" in said or "NCCL" in said:
            raise MachineError(f"the device was lost ({said}): {kept(path)}") from error
        raise


def kept(path: Path | None) -> str:
    """The checkpoint that is left of a training, and how to go on."""
    if path and path.exists():
        return f"the last checkpoint is {path}; run the same command to go on"
    return "there was no checkpoint yet; run the same command to start again"
