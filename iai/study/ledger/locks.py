"""One owner a run: a lock of the file system, which the kernel frees however its owner dies."""

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Running(RuntimeError):
    """Another live process owns the run."""


@contextmanager
def owned(path: Path, patience: float = 0.1) -> Iterator[None]:
    """Own `path` inside the block; `Running` if another live process still owns it after so many seconds.

    The file stays when its owner has left, and may be another user's. Some patience is always needed, as `held` takes
    the lock for an instant. `OSError` where nothing can be locked.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _locked(path, fcntl.LOCK_EX, patience)
    except BlockingIOError as error:
        raise Running(f"{path.stem} is being computed by {owner(path)}") from error
    except OSError as error:
        remedy = "ask its owner for `chmod -R a+w`, or choose a folder on another disk with --results DIR"
        raise OSError(f"cannot lock {path} ({error.strerror}): {remedy}") from error
    try:
        with suppress(OSError):  # for messages; the note of another user is replaced where it may be
            note = path.with_name(f"{path.name}.owner")
            note.unlink(missing_ok=True)
            note.write_text(json.dumps({"pid": os.getpid(), "host": os.uname().nodename}))
        yield
    finally:
        os.close(file)


def held(path: Path) -> bool:
    """Whether a live process owns `path`; a file that a dead one left, or that cannot be read here, is not held."""
    try:
        os.close(_locked(path, fcntl.LOCK_SH))  # the owner's is exclusive: two who look would see an owner
        return False
    except OSError as error:
        return isinstance(error, BlockingIOError)


def owner(path: Path) -> str:
    """The process and host that last owned `path`, for a message."""
    try:
        note = json.loads(path.with_name(f"{path.name}.owner").read_bytes())
        return f"process {note['pid']} on {note['host']}"
    except (OSError, ValueError, TypeError, LookupError):
        return "another process"


def _locked(path: Path, how: int, patience: float = 0.1) -> int:
    """A descriptor of `path` with a lock; `BlockingIOError` if another has it, an exclusive one for so many seconds."""
    deadline, exclusive = time.monotonic() + patience, how == fcntl.LOCK_EX
    while True:
        file = -1
        try:
            # Of another user's file, to read it is enough, but on NFS.
            writable = exclusive and (os.access(path, os.W_OK) or not path.exists())
            file = os.open(path, os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY, 0o666)
            fcntl.flock(file, how | fcntl.LOCK_NB)
            return file
        except OSError as error:
            if file >= 0:
                os.close(file)
            again = error.errno == errno.ESTALE or (exclusive and isinstance(error, BlockingIOError))
            if not again or time.monotonic() > deadline:  # a handle is stale where another host of NFS took the file
                raise
        time.sleep(0.01)
