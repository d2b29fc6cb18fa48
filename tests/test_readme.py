"""What the README shows runs as it stands, and does what it says."""

import re
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parents[1] / "README.md"


def test_own_task_learns() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "readme"}
    for block in blocks:
        exec(block, names)
    assert names["error"][5] < 0.5 * names["error"][0]
    lines = blocks[0][blocks[0].index("class Waves") :].strip().splitlines()
    assert len([line for line in lines if line.strip()]) <= 10, "a new task is at most about 10 lines"
