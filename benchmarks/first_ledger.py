"""Seconds that trainings of the first ledger and of today take on this machine, one thread, side by side: `make first`.

The code of the first ledger is that of the commit that its file names, checked out beside this one.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from statistics import median

from iai.study.jobs.run import processor
from iai.study.ledger import records
from iai.study.registry.ladder import LADDER
from iai.training import replace_file

ROUNDS = 3
WORK = """
import sys, time
from dataclasses import replace
import torch
from iai.experiment import build
from iai.study.registry import experiment
from iai.training import train
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
    return float(subprocess.run(command, cwd=checkout, check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == "__main__":
    first, here = records.measured("first-ledger"), Path(__file__).resolve().parents[1]
    assert first is not None
    if "IAI_DATA" in os.environ:
        os.environ["IAI_DATA"] = str(Path(os.environ["IAI_DATA"]).resolve())
    cells = []
    with tempfile.TemporaryDirectory() as folder:
        then = Path(folder) / "first"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", then, first["commit"]], cwd=here, check=True)
        try:
            for key in LADDER:
                pairs = [(seconds(then, key, "cpu"), seconds(here, key, "small")) for _ in range(ROUNDS)]
                cells.append({"key": key, "first": median(one for one, _ in pairs), "now": median(n for _, n in pairs)})
                print(cells[-1], flush=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", then], cwd=here, check=True)
    header = {"cpu": processor(), "date": date.today().isoformat()}
    replace_file(Path(sys.argv[1]), (json.dumps(header | {"cells": cells}, indent=1) + "\n").encode())
