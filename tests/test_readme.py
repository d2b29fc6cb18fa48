"""What the README shows runs as it stands, and does what it says."""

import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_front_door_opens_as_it_stands_and_beats_the_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    first, task, last = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    rng = np.random.default_rng(0)
    names: dict[str, Any] = {"__name__": "readme"}
    for block in (first, task, last):
        exec(block, names)
    assert names["error"][5] < 0.5 * names["error"][0]
    lines = task[task.index("class Waves") :].strip().splitlines()
    assert len([line for line in lines if line.strip()]) <= 10, "a new task is at most about 10 lines"
    scores = []
    for _ in range(20):
        X = rng.normal(size=(220, 3))
        y = X @ rng.normal(size=3) + rng.normal() + 0.5 * rng.normal(size=220)
        learner = names["learner"].fit(X[:10], y[:10])
        scores.append([learner.score(X[20:], y[20:]), learner.partial_fit(X[10:20], y[10:20]).score(X[20:], y[20:])])
    one, two = np.median(scores, axis=0)
    assert one > 0.4 and two > one + 0.05, "R^2 of the mean is 0"


def test_table_is_what_the_ledger_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IAI_RESULTS", raising=False)
    monkeypatch.chdir(README.parent)
    tool = runpy.run_path(str(README.parent / "book" / "_tools" / "headline.py"))
    index = (README.parent / "book" / "index.md").read_text()
    for page, shown in ((README.read_text(), ("rows", "said")), (index, ("said",))):
        assert all(tool[name]() in page for name in shown), "make notebooks"
    assert tool["finding"](False) in README.read_text() and tool["finding"](True) in index, "make notebooks"
    table = tool["rows"]()
    assert "over seeds, † over tasks" in table
    marked = {line.split(" (")[0][2:] for line in table.splitlines() if "†" in line and line.startswith("|")}
    assert marked == {label for label, (row, *_) in tool["ROWS"].items() if "|" in row}, "the classical learners"
