"""`torch.compile` of the refiner on a CPU beside eager (the floor): time of an update, and seconds until the first."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from common import CONFIG, adamw, measure, named

from iai.experiment import build
from iai.study.registry import experiment as registered
from iai.training import Progress, train_step

UPDATED = {"implicit": "table4/linear-regression/data", "parametric": "table2/linear-regression/data"}


def updates(key: str, who: str) -> Callable[[], object]:
    """One update of the pool of an experiment."""
    chosen = registered(key, "small")
    model, progress, losses = build(chosen), Progress(), iter(())
    if who == "compiled":
        model.refiner.compile()
    optimizer = adamw(model)

    def update() -> None:
        nonlocal losses
        loss = next(losses, None)
        if loss is None:
            losses = chosen.objective(model, torch.Generator().manual_seed(progress.update))
            loss = next(losses)
        train_step(loss, model, optimizer, CONFIG, progress)

    return update


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("who", ["floor", "compiled"])
@pytest.mark.parametrize("regime", list(UPDATED))
def test_compile(benchmark: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, regime: str, who: str) -> None:
    """Compiled afresh, and in this process alone."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.compiler.reset()
    named(benchmark, f"an update of the pool, eager (floor) or with a compiled refiner: {regime}", who)
    update, started = updates(UPDATED[regime], who), time.perf_counter()
    update()
    benchmark.extra_info["first_update_seconds"] = round(time.perf_counter() - started, 2)
    measure(benchmark, update, rounds=40)
