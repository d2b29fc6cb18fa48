"""The command line with a training that writes a checkpoint after every roll-out, which it notes, and takes a while."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import eager_cli  # registers the experiment

from iai.study import cli as __main__
from iai.study.jobs import runs
from iai.training import objectives

CALL = objectives.Greedy.__call__


def slowly(self: objectives.Greedy, *words: Any) -> Any:
    """The losses of one roll-out, each a little late; the file `rollouts` gets a line."""
    if self.growth:  # a call with a shorter horizon comes from one that has been noted
        with (Path(os.environ["IAI_RUNS"]) / "rollouts").open("a") as notes:
            notes.write(f"{os.getpid()}\n")
    for loss in CALL(self, *words):
        time.sleep(10 / eager_cli.UPDATES)
        yield loss


if __name__ == "__main__":
    runs.COMMAND = [sys.executable, __file__]
    objectives.Greedy.__call__ = slowly  # type: ignore[method-assign]
    sys.exit(__main__.main())
