"""Ask Slurm, and wait for it."""

import subprocess
import time


def ask(*words: str) -> str:
    """What a command prints; nothing if it fails."""
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def wait_for(true: object, seconds: float = 60) -> None:
    """Until `true()` is; fails after so many seconds."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{true} is not true after {seconds} s"
        time.sleep(0.2)
