"""What the README shows runs as it stands, and does what it says."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


def test_own_task_learns() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "readme"}
    for block in blocks:
        exec(block, names)
    assert names["error"][5] < 0.5 * names["error"][0]
    lines = blocks[0][blocks[0].index("class Waves") :].strip().splitlines()
    assert len([line for line in lines if line.strip()]) <= 10, "a new task is at most about 10 lines"


def test_table_is_what_the_ledger_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IAI_RESULTS", raising=False)
    monkeypatch.chdir(README.parent)
    tool = runpy.run_path(str(README.parent / "book" / "_tools" / "headline.py"))
    assert tool["rows"]() in README.read_text(), "make notebooks"
    table = tool["rows"]()
    assert "over seeds, † over tasks" in table
    marked = {line.split(" (")[0][2:] for line in table.splitlines() if "†" in line and line.startswith("|")}
    assert marked == {label for label, (row, *_) in tool["ROWS"].items() if "|" in row}, "the classical learners"
