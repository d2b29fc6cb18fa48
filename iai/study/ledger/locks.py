"""One owner a run: a filelock, which the kernel frees however its owner dies."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class Running(RuntimeError):
    """Another live process owns the run."""


@contextmanager
def owned(path: Path, patience: float = 0.1) -> Iterator[None]:
    """Own `path` inside the block; `Running` if another live process still owns it after so many seconds.

    The file stays when its owner has left. Some patience is always needed, as `held` takes the lock for an instant.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=patience, poll_interval=0.01)
    except Timeout as error:
        raise Running(f"{path.stem} is being computed by {owner(path)}") from error
    try:
        # beside the lock, which some versions of filelock empty when they open it
        path.with_name(f"{path.name}.owner").write_text(json.dumps({"pid": os.getpid(), "host": os.uname().nodename}))
        yield
    finally:
        lock.release()


def held(path: Path) -> bool:
    """Whether a live process owns `path`; a file that a dead one left is not held."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # filelock's is exclusive: two who look would see an owner
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def owner(path: Path) -> str:
    """The process and host that last owned `path`, for a message."""
    try:
        note = json.loads(path.with_name(f"{path.name}.owner").read_text())
        return f"process {note['pid']} on {note['host']}"
    except (FileNotFoundError, json.JSONDecodeError):
        return "another process"
