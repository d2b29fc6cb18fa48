"""Checks of the folders of a run, before any training."""

import shutil
from pathlib import Path
from uuid import uuid4

from iai.training import replace_file
from iai.types import UserError


def check_writable(folder: Path, megabytes: float, remedy: str) -> None:
    """Raise `UserError` with `remedy` unless `folder` takes a file now and has room for `megabytes`."""
    try:
        replace_file(folder / f"probe.{uuid4().hex}", bytes(4096)).unlink()
        free = shutil.disk_usage(folder).free / 1e6
    except OSError as error:
        raise UserError(f"cannot write in {folder} ({error.strerror}): {remedy}") from error
    if free < megabytes:
        raise UserError(f"{folder} has {free:.0f} MB free and a run needs {megabytes:.0f} MB: {remedy}")
