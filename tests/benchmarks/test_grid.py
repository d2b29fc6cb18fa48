"""The grid of passes: its cells, and that it goes on where it was stopped."""

import json
from pathlib import Path
from typing import Any

import grid
import pytest

from iai.study.measure.passes import Case, measure
from iai.types import UserError

SMALL: dict[str, Any] = {"width": 16, "depth": 2, "heads": 2, "dimension": 3}


def test_a_grid_has_every_n_and_k_that_fit() -> None:
    records = list(grid.grid([4, 8], [1, 8], Case(**SMALL)))
    found = {(one["points"], one["passes"], one["attention"]) for one in records}
    sizes = [(4, 1), (8, 1), (8, 8)]
    assert found == {(n, k, attention) for n, k in sizes for attention in ("fused", "materialised")}
    assert len(records) == 6


def test_a_grid_goes_on_where_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[Case] = []

    def count(case: Case, device: object) -> dict[str, Any]:
        measured.append(case)
        return measure(case, repeats=3)

    monkeypatch.setattr(grid, "measure", count)
    path, grids, header = tmp_path / "grid.json", [([8], [1, 2], Case(**SMALL))], {"torch": "1"}
    killed = grid.fill(path, grids, header)
    first, second = next(killed), next(killed)
    killed.close()
    assert json.loads(path.read_text())["cells"] == [first, second] and len(measured) == 2
    records = list(grid.fill(path, grids, header))
    assert records[:2] == [first, second] and len(set(measured)) == len(measured) == 4
    assert json.loads(path.read_text())["cells"] == records
    list(grid.fill(path, grids, {"torch": "2"}))  # another machine's cells are not mixed with these
    assert len(measured) == 8 and len(json.loads(path.read_text())["cells"]) == 4


@pytest.mark.parametrize("text", ["", "[]", "{}", "null"])
def test_a_file_that_is_no_grid_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "grid.json"
    path.write_text(text)
    with pytest.raises(UserError, match="grid.json .* delete it"):
        next(grid.fill(path, [([8], [1], Case(**SMALL))], {"torch": "1"}))
