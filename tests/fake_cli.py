"""The command line with a training that only sleeps, as a program: it notes its starts, listens to signals, resumes.

`$FAKE_SECONDS` is how long it sleeps, `$FAKE_NOTES` a folder that gets one file a start and one a checkpoint.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from example_record import record

from iai.experiment import to_json
from iai.study import cli, registry
from iai.study.jobs import queue, runs
from iai.study.ledger import records
from iai.training import loop


def fake_run(one: runs.Run, **options: Any) -> records.Record:
    """Sleep in place of training; a stop request leaves a checkpoint, and a checkpoint shortens the sleep."""
    key, profile, seed = one
    notes, name = Path(os.environ["FAKE_NOTES"]), f"{key.replace('/', '-')}-{seed}"
    (notes / f"start-{name}-{os.getpid()}").touch()
    checkpoint = notes / f"checkpoint-{name}"
    end = time.monotonic() + (0.0 if checkpoint.exists() else float(os.environ["FAKE_SECONDS"]))
    with loop.stop_signals() as stopped:
        while time.monotonic() < end:
            time.sleep(0.01)
            if stopped:
                checkpoint.touch()
                raise loop.Interrupted("stopped")
    config = to_json(registry.experiment(key, profile))
    made = {"config_hash": records.config_hash(config), "sources_hash": records.sources_hash()}
    return record(key, seed, profile=profile, config=config, **made)


if __name__ == "__main__":
    queue.run = fake_run
    runs.COMMAND = [sys.executable, __file__]
    sys.exit(cli.main())
