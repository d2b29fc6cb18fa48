"""A folder is checked before any training."""

from pathlib import Path

import pytest

from iai.study.jobs.folders import check_writable
from iai.types import UserError


def test_a_folder_that_cannot_take_a_run_is_an_error_beforehand(tmp_path: Path) -> None:
    check_writable(tmp_path / "new", 1.0, "fix")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write in .*: pass --runs"):
        check_writable(tmp_path / "file" / "below", 1.0, "pass --runs")
    with pytest.raises(UserError, match=r"MB free and a run needs .*: pass --runs"):
        check_writable(tmp_path, 1e12, "pass --runs")
