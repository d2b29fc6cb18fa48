"""`make` sets up in whatever folder a clone lies."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYTHON = """#!/bin/sh
# Stands for a Python: `-m venv` makes a folder with itself in it, all else succeeds.
[ "$1 $2" = "-m venv" ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
exit 0
"""


@pytest.mark.parametrize("venv", [".venv", "{}/other place/venv"])
def test_a_path_may_have_a_space_in_it(tmp_path: Path, venv: str) -> None:
    clone, python = tmp_path / "my clone", tmp_path / "a python"
    clone.mkdir()
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    python.write_text(PYTHON)
    python.chmod(0o755)
    words = ["make", "address", f"PYTHON={python}", f"VENV={venv.format(tmp_path)}"]
    said = []
    for _ in range(2):
        done = subprocess.run(words, cwd=clone, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert "-m venv" in said[0] and "-m venv" not in said[1], "what is ready is not set up again"
    assert (clone / venv.format(tmp_path) / ".ready").exists() and (tmp_path / "my clone" / "Makefile").exists()
