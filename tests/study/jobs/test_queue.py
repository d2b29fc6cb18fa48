"""The folders of runs are checked before any training."""

from pathlib import Path

import pytest

from iai.study.jobs import queue
from iai.types import UserError


def test_a_folder_that_cannot_take_a_run_is_an_error_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("IAI_RUNS", str(tmp_path / "new"))
    monkeypatch.setattr(queue, "RUNS_MB", 1.0)
    queue.check_folders()
    assert list((tmp_path / "new").iterdir()) == []
    monkeypatch.setattr(queue, "RUNS_MB", 1e12)
    with pytest.raises(UserError, match=r"new has .* MB free and a run needs .*: free some space, .* --runs DIR"):
        queue.check_folders()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IAI_RUNS", str(tmp_path / "file" / "below"))
    with pytest.raises(UserError, match=r"cannot write in .*: free some space, .* --runs DIR"):
        queue.check_folders()
