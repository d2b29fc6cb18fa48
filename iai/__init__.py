"""Iterative amortized inference: f(x, g(D)). `iai.Learner` is the front door, `iai.load(path)` a trained amortizer."""

import os
from importlib import import_module
from typing import Any

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # silences the profiler; read when torch is first imported

EXPERIMENT = dict.fromkeys(("load", "build"), "experiment")
HOMES = EXPERIMENT | {"Learner": "learner", "train": "training", "evaluate": "evaluation"}


def __getattr__(name: str) -> Any:
    """`Learner`, `load`, `build`, `train` and `evaluate`, imported when first used: `import iai` alone stays fast."""
    if name in HOMES:
        return getattr(import_module(f"iai.{HOMES[name]}"), name)
    raise AttributeError(f"module 'iai' has no attribute {name!r}")
