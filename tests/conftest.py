"""Every test is a shape test: what the library's annotations say is checked at run time, here and only here."""

import os

# Before torch is imported: workers side by side use one thread each.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator

import pytest
from jaxtyping import install_import_hook

hook = install_import_hook(["iai", "extract", "formulas", "grid"], "beartype.beartype")


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What a command sets of the environment, as the folder of the ledger, is undone: notebooks run in this process."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
