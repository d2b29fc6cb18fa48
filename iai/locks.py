"""One owner a run: an advisory lock on a file, which the kernel frees whatever way its owner dies."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TRIES = 10
"""A claim is tried this often, a hundredth of a second apart, since `held` takes the lock for an instant."""


class Running(RuntimeError):
    """Another live process owns the run."""


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Own `path` inside the block, and leave no file behind; `Running` if a live process owns it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(TRIES):
        descriptor = _take(path)
        if descriptor is not None:
            break
        time.sleep(0.01)
    else:
        raise Running(f"{path.stem} is being computed by {owner(path)}")
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
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
