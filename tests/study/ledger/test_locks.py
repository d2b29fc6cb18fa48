"""Locks of other users, of folders that are shared, and of file systems that are far away."""

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from example_record import KEY

from iai.study.ledger import locks, records

WITHOUT = "-dac_override,-dac_read_search,-fowner"


def as_another_user(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that has no more rights than the modes of files give their owner."""
    words = [sys.executable, "-c", program]
    if os.getuid() == 0:
        words = ["setpriv", f"--bounding-set={WITHOUT}", f"--inh-caps={WITHOUT}", *words]
    env = os.environ | {"IAI_RESULTS": str(folder)}
    return subprocess.run(words, env=env, capture_output=True, text=True)


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What the first user of a ledger left: a lock, its note and .gitignore, which others may read and not write."""
    path = tmp_path / ".locks" / "smoke" / KEY / "seed0"
    path.parent.mkdir(parents=True)
    for file in (path, path.with_name("seed0.owner"), tmp_path / ".locks" / ".gitignore"):
        file.write_text('{"pid": 1, "host": "x"}')
        file.chmod(0o444)
    return path


LOOK = f"""
from iai.study.ledger import records
print(records.status({KEY!r}, "smoke", 0, "x"))
"""
OWN = (
    LOOK
    + f"""
with records.lock({KEY!r}, "smoke", 0):
    print(records.status({KEY!r}, "smoke", 0, "x"))
"""
)


def test_the_second_user_of_a_shared_ledger_is_not_stopped(left: Path, tmp_path: Path) -> None:
    done = as_another_user(OWN, tmp_path)
    assert (done.stdout, done.stderr) == ("pending\nrunning\n", "")
    assert '"host": "x"' not in left.with_name("seed0.owner").read_text(), "the note says who owns it now"


def test_who_only_looks_needs_no_rights(left: Path, tmp_path: Path) -> None:
    left.chmod(0o000)
    done = as_another_user(LOOK, tmp_path)
    assert (done.stdout, done.stderr) == ("pending\n", "")


def test_where_nothing_can_be_locked_the_folder_and_a_remedy_are_named(left: Path, tmp_path: Path) -> None:
    left.chmod(0o000)
    said = as_another_user(OWN, tmp_path).stderr.splitlines()[-1]
    assert str(left) in said and "Permission denied" in said and "--results" in said


def failing(code: int, times: int) -> Callable[[int, int], None]:
    """`flock` that fails at first."""
    real, calls = fcntl.flock, []

    def flock(descriptor: int, how: int) -> None:
        calls.append(how)
        if len(calls) <= times:
            raise OSError(code, os.strerror(code))
        real(descriptor, how)

    return flock


def test_a_stale_handle_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run"
    monkeypatch.setattr(fcntl, "flock", failing(errno.ESTALE, 2))
    with locks.owned(path, patience=1.0):
        monkeypatch.setattr(fcntl, "flock", failing(errno.ESTALE, 2))
        assert locks.held(path), "a stale handle says nothing about the owner"


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ESTALE])
def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    path = tmp_path / "run"
    path.touch()
    monkeypatch.setattr(fcntl, "flock", failing(code, 10**6))
    assert not locks.held(path)
    with pytest.raises(OSError, match=rf"cannot lock {path} .*--results DIR"), locks.owned(path):
        pass


@pytest.mark.parametrize("note", ["", "{", "[]", "7", "null", '{"pid": 1}', "\udcff"])
def test_a_note_that_says_nothing_is_another_process(tmp_path: Path, note: str) -> None:
    path = tmp_path / "run"
    path.with_name("run.owner").write_text(note, errors="surrogateescape")
    assert locks.owner(path) == "another process"


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results").write_text("no folder")
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path / "results"))
    assert records.status(KEY, "smoke", 0, "x") == "pending"
    with pytest.raises(OSError, match="cannot lock"), records.lock(KEY, "smoke", 0):
        pass
