"""Seconds that trainings of the first ledger and of today take on this machine, one thread, in turn: `make first`.

The first ledger's trainings run with the last code that has its configs and its precision, float32. Each row is kept
as soon as it is measured, and a row that is there with the same machine and sources is not measured again.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from statistics import median

import torch

from iai.study.jobs.run import processor
from iai.study.ledger import records
from iai.study.ledger.provenance import sources_hash
from iai.study.registry.ladder import LADDER
from iai.training import replace_file

FIRST = "87f29497afaf4f1479ba9e2091692a6f1bff7da8"
ROUNDS = 3
WORK = """
import os, sys, time
from dataclasses import replace
import torch
import iai
from iai.experiment import build
from iai.study.registry import experiment
from iai.training import train
assert os.path.samefile(os.path.dirname(os.path.dirname(iai.__file__)), os.getcwd()), iai.__file__
torch.set_num_threads(1)
chosen, took = experiment(*sys.argv[1:]), []
whole, model = replace(chosen.objective, growth=0.0), build(chosen, 0)
for updates in (5, 20, 60):
    start = time.perf_counter()
    train(model, whole, replace(chosen.train, updates=updates, warmup=2), seed=0, show=False)
    took.append(time.perf_counter() - start)
print((took[2] - took[1]) / 40 * chosen.train.updates)
"""
"""Prints the seconds of a whole training, from forty updates at full horizon that follow a start."""


def seconds(checkout: Path, key: str, profile: str) -> float:
    """What `WORK` prints with the code of a checkout."""
    command = [sys.executable, "-c", WORK, key, profile]
    here = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    return float(subprocess.run(command, cwd=checkout, env=here, check=True, stdout=subprocess.PIPE, text=True).stdout)


def fill(path: Path, then: Path, now: Path) -> None:
    """Measure the rows that `path` does not have, in two checkouts in turn."""
    header = {"cpu": processor(), "torch": torch.__version__, "first": FIRST[:7], "sources": sources_hash()}
    found = records.measured(path.stem) or {}
    cells = found["cells"] if {name: found.get(name) for name in header} == header else []
    for key in LADDER:
        if all(cell["key"] != key for cell in cells):
            pairs = [(seconds(then, key, "cpu"), seconds(now, key, "small")) for _ in range(ROUNDS)]
            first, last = (round(median(took), 2) for took in zip(*pairs))
            cells.append({"key": key, "first": first, "now": last})
            whole = {**header, "date": date.today().isoformat(), "cells": cells}
            replace_file(path, (json.dumps(whole, indent=1) + "\n").encode())
            print(cells[-1], flush=True)


if __name__ == "__main__":
    if "IAI_DATA" in os.environ:
        os.environ["IAI_DATA"] = str(Path(os.environ["IAI_DATA"]).resolve())
    git = ["git", "-C", str(Path(__file__).resolve().parents[1])]
    if subprocess.run([*git, "cat-file", "-e", f"{FIRST}^{{commit}}"], stderr=subprocess.DEVNULL).returncode:
        sys.exit(f"make first: no commit {FIRST[:7]} here, whose code is timed: git fetch --unshallow")
    with tempfile.TemporaryDirectory() as folder:
        then = Path(folder) / "first"
        subprocess.run([*git, "worktree", "add", "--quiet", "--detach", then, FIRST], check=True)
        try:
            fill(Path(sys.argv[1]), then, Path(git[-1]))
        finally:
            subprocess.run([*git, "worktree", "remove", "--force", then])
