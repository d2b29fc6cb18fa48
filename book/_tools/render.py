"""Builds the HTML book: sources beside the executed notebooks in BUILD/source, pages in BUILD/html."""

import shutil
import subprocess
import sys
from pathlib import Path

import headline

ROOT = Path(__file__).resolve().parents[2]
IGNORED = shutil.ignore_patterns("*.py", "*.ipynb", "results", "_tools", "__pycache__", ".ipynb_checkpoints")


def collect(source: Path) -> None:
    """Copies what the pages are made of, except the chapters: those lie there already, executed."""
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy2(ROOT / name, source / name)
    shutil.copytree(ROOT / "book", source / "book", ignore=IGNORED, dirs_exist_ok=True)
    shutil.copytree(ROOT / "book" / "_ext", source / "book" / "_ext", dirs_exist_ok=True)


def main() -> int:
    build = Path(sys.argv[1]).resolve()
    collect(build / "source")
    headline.draw(build / "source" / headline.FIGURE)
    options = ["--all", "--warningiserror", "--nitpick", "--keep-going", "--quiet"]
    command = [
        Path(sys.executable).with_name("jupyter-book"),
        "build",
        build / "source",
        "--path-output",
        build.parent,
        *options,
    ]
    if status := subprocess.run(command, cwd=ROOT, check=False).returncode:
        return status
    print(f"The book: {(build / 'html' / 'index.html').as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
