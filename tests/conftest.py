"""Every test is a shape test: what the library's annotations say is checked at run time, here and only here."""

import os

# Before torch is imported: workers side by side use one thread each.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from jaxtyping import install_import_hook

# The library, and of the study what has shapes: the rest is mypy's, and a registry takes four times as long under this.
HOUSE = Path(__file__).parents[1] / "iai"
LIBRARY = [f"iai.{path.stem}" for path in HOUSE.glob("[a-z]*") if path.stem not in ("study", "fields")]
hook = install_import_hook(
    [*LIBRARY, "iai.study.analysis.theory", "iai.study.book.plots", "extract", "formulas", "grid"], "beartype.beartype"
)


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What a command sets of the environment, as the folder of the ledger, is undone: notebooks run in this process."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU "auto" is float32 in tests, whatever the machine: what they compare does not depend on it."""
    from iai.training import graph

    known = graph.fast_bfloat16

    @wraps(known)
    def slow(device: Any) -> bool:
        return device.type != "cpu" and known(device)

    slow.__wrapped__ = known.__wrapped__  # the function without its cache
    monkeypatch.setattr(graph, "fast_bfloat16", slow)
