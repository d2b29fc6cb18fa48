"""One owner a run: a lock of the file system, which the kernel frees however its owner dies."""

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from iai.training.checkpoint import make_folder


class Running(RuntimeError):
    """Another live process owns the run."""


@contextmanager
def owned(path: Path, patience: float = 0.1) -> Iterator[None]:
    """Own `path` inside the block; `Running` if another live process still owns it after so many seconds.

    The file stays when its owner has left, and may be another user's. Some patience is always needed, as `held` takes
    the lock for an instant. An `OSError` says where no lock can be had, and what to do.
    """
    try:
        make_folder(path.parent)
        file = _locked(path, fcntl.LOCK_EX, patience)
    except BlockingIOError as error:
        raise Running(f"{path.stem} is being computed by {owner(path)}") from error
    except OSError as error:
        remedy = "choose a folder where you may write and that can be locked, with --results DIR"
        raise OSError(f"cannot lock {path} ({error.strerror}): {remedy}") from error
    try:
        with suppress(OSError):  # a note for messages; that of another user is replaced where it may be
            _note(path).unlink(missing_ok=True)
            _note(path).write_text(json.dumps({"pid": os.getpid(), "host": os.uname().nodename}))
        yield
    finally:
        os.close(file)


def held(path: Path) -> bool:
    """Whether a live process owns `path`; a file that a dead one left, or that cannot be read here, is not held."""
    try:
        os.close(_locked(path, fcntl.LOCK_SH))  # the owner's is exclusive: two who look would see an owner
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def owner(path: Path) -> str:
    """The process and host that last owned `path`, for a message."""
    try:
        note = json.loads(_note(path).read_text())
        return f"process {note['pid']} on {note['host']}"
    except (OSError, ValueError, TypeError, LookupError):
        return "another process"


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.owner")


def _locked(path: Path, how: int, patience: float = 0.1) -> int:
    """A descriptor of `path` that has the lock; `BlockingIOError` if it cannot be had within so many seconds."""
    deadline = time.monotonic() + patience
    while True:
        file = -1
        try:
            file = _opened(path, create=how == fcntl.LOCK_EX)
            fcntl.flock(file, how | fcntl.LOCK_NB)
            return file
        except OSError as error:
            if file >= 0:
                os.close(file)
            # On NFS another host may have replaced the file. Who only looks sees an owner at once.
            again = error.errno == errno.ESTALE or (isinstance(error, BlockingIOError) and how == fcntl.LOCK_EX)
            if not again or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _opened(path: Path, create: bool) -> int:
    """A descriptor of `path`, to write where that is allowed: NFS asks for it, and local locks do not."""
    if not create:
        return os.open(path, os.O_RDONLY)
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY)
    with suppress(PermissionError):
        os.fchmod(file, 0o666)  # whatever the umask: all who share a ledger share its locks
    return file
