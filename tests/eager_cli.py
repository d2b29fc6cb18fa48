"""The real command line, but one small experiment that writes a checkpoint after every roll-out and takes longer."""

import os
import sys
from dataclasses import replace

from example_record import KEY

from iai.experiment import Experiment
from iai.study import registry
from iai.study.cli import main
from iai.study.registry.families import linear_regression

UPDATES = 100 + 100 * int(os.environ.get("IAI_KILLS", "2"))


def eager(profile: str) -> Experiment:
    """Smoke-sized linear regression with a checkpoint every ten updates."""
    small = linear_regression("parametric", "grad+data", "smoke")
    few = replace(small.evaluation, tasks=8)
    train = replace(small.train, updates=UPDATES, checkpoint_seconds=0.0, precision="float32")  # on any machine
    return replace(small, evaluation=few, train=train)


registry.EXPERIMENTS[KEY] = eager

if __name__ == "__main__":
    sys.exit(main())
