"""One owner a run: an advisory lock on a file, which the kernel frees whatever way its owner dies."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Running(RuntimeError):
    """Another live process owns the run."""


@contextmanager
def owned(path: Path, patience: float = 0.1) -> Iterator[None]:
    """Own `path` inside the block, and leave no file behind; `Running` if a live process does for so many seconds.

    Some patience is always needed, since `held` takes the lock for an instant.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + patience
    while (descriptor := _take(path)) is None:
        if time.monotonic() > end:
            raise Running(f"{path.stem} is being computed by {owner(path)}")
        time.sleep(0.01)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"pid": os.getpid(), "host": os.uname().nodename}).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def held(path: Path) -> bool:
    """Whether a live process owns `path`; a file that a dead one left is not held."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who look see no owner in each other
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def owner(path: Path) -> str:
    """Who says to own `path`, for a message."""
    try:
        note = json.loads(path.read_text())
        return f"process {note['pid']} on {note['host']}"
    except (FileNotFoundError, json.JSONDecodeError):
        return "another process"


def _take(path: Path) -> int | None:
    """An exclusive lock on the file that `path` names now, or None if it is owned or was replaced."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None
