"""What runs took, summed: of what is recorded alone."""

from pathlib import Path

import pytest
from example_record import KEY, record

from iai.study.analysis.costs import effort
from iai.study.ledger import records
from iai.study.registry import EXPERIMENTS


def test_hours_are_those_of_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path))
    assert {hours for _, _, hours in effort("cpu").values()} == {0.0}
    records.write(record(KEY, 0) | {"seconds": 1800.0})
    records.write(record(KEY, 1) | {"seconds": 1.0, "job_seconds": 3600.0})
    there, asked, hours = effort("cpu")[KEY.split("/")[0]]
    assert (there, hours) == (2, 1.5) and asked > 2
    assert effort("cpu").keys() == {key.split("/")[0] for key in EXPERIMENTS}
    assert sum(there for there, _, _ in effort("cpu").values()) == 2
