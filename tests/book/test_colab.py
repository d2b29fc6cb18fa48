"""A chapter opened in Colab works: its first cell fetches the project, and asks for nothing that Colab cannot have."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "book").glob("[0-9][0-9]_*.py"))
# Colab in August 2026; torchvision is the one that belongs to its torch.
COLAB = {"torch": "2.11", "torchvision": "0.26", "numpy": "2.1", "matplotlib": "3.10", "seaborn": "0.13"}
STUB = """
import runpy, sys, types
sys.modules["google"] = types.ModuleType("google")
sys.modules["google.colab"] = types.ModuleType("google.colab")
cell = open(sys.argv[1]).read()
import os
here, path = os.getcwd(), list(sys.path)
exec(cell, {}), exec(cell, {})  # run twice, as people do
os.chdir(here)  # and after a restart: the folder is there, the working directory and the path are not
sys.path[:] = path
exec(cell, {})
import iai
print(os.path.realpath(os.getcwd()))
print(os.path.realpath(iai.__file__))
"""


def address() -> str:
    found = re.search(r"^  url: (\S+)$", (ROOT / "_config.yml").read_text(), re.MULTILINE)
    assert found
    return found.group(1)


def set_up_cell(path: Path) -> str:
    """The first code cell."""
    cells = re.split(r"^# %%(.*)$", path.read_text(), flags=re.MULTILINE)[1:]
    return next(body for head, body in zip(cells[::2], cells[1::2]) if "[markdown]" not in head)


def git(*words: str, cwd: Path) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *words], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what is in this work tree under version control."""
    folder = tmp_path_factory.mktemp("published") / "iai.git"
    folder.mkdir()
    listed = subprocess.run(["git", "ls-files", "iai", "book"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(lambda name: (ROOT / name).is_file(), listed.stdout.splitlines()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    git("init", "--quiet", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "--message=published", cwd=folder)
    return folder


def test_set_up_cell_fetches_the_project(published: Path, tmp_path: Path) -> None:
    (tmp_path / "cell.py").write_text(set_up_cell(CHAPTERS[0]))
    redirect = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{published.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address(),
        "PIP_NO_INDEX": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", STUB, "cell.py"],
        cwd=tmp_path,
        env=os.environ | redirect,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        str((tmp_path / "iai" / "book").resolve()),
        str((tmp_path / "iai" / "iai" / "__init__.py").resolve()),
    ]


def test_set_up_cells_are_one_text_and_name_the_one_address() -> None:
    assert len({set_up_cell(path) for path in CHAPTERS}) == 1
    assert f'"{address()}"' in set_up_cell(CHAPTERS[0])
    for name in ("pyproject.toml", "CITATION.cff"):
        assert address() in (ROOT / name).read_text()


def test_a_reader_installs_nothing_newer_than_colab_has() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"
    required = {r.name: r for r in map(Requirement, project["dependencies"])}
    for name, requirement in required.items():
        assert {s.operator for s in requirement.specifier} == {">="}, f"{name}: lower bounds only"
    for name, version in COLAB.items():
        assert Version(version) in required[name].specifier, f"Colab has {name} {version}"
    asked = re.findall(r'"install", "-q", (.*?)\]', set_up_cell(CHAPTERS[0]))[0].replace('"', "").split(", ")
    assert set(asked) <= set(required), "the set-up cell installs dependencies of iai, unpinned"
