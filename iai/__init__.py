"""Iterative amortized inference: `iai.load(path)` gives a trained model; all else is imported from the modules."""

import os
from typing import Any

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # silences the profiler; read when torch is first imported


def __getattr__(name: str) -> Any:
    """Import `load` lazily: importing `iai.types` should not import all that a run needs."""
    if name == "load":
        from iai.experiment import load

        return load
    raise AttributeError(f"module 'iai' has no attribute {name!r}")
