"""Iterative amortized inference: `iai.load(path)` is a trained amortizer; all else is in the modules, by its word."""

import os
from typing import Any

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's own words, read when torch is first imported


def __getattr__(name: str) -> Any:
    """`load`, found when asked for: importing `iai.types` should not import all that a run needs."""
    if name == "load":
        from iai.experiment import load

        return load
    raise AttributeError(f"module 'iai' has no attribute {name!r}")
