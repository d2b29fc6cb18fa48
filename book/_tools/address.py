"""Writes where the project is published, `_config.yml`'s repository.url, into every file that must spell it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def address() -> str:
    """The repository's address, from `_config.yml`."""
    line = next(
        line for line in (ROOT / "_config.yml").read_text("utf-8").splitlines() if line.startswith("  url: https://")
    )
    return line.removeprefix("  url: ").strip()


def main() -> None:
    if len(sys.argv) != 2 or not sys.argv[1].startswith("https://github.com/"):
        sys.exit(f"now: {address()}\nusage: make address REPOSITORY=https://github.com/somebody/iai")
    old, new = (a.removeprefix("https://github.com/") for a in (address(), sys.argv[1].rstrip("/")))
    listed = subprocess.run(["git", "grep", "-zlI", old], cwd=ROOT, capture_output=True, text=True, check=True)
    for path in map(ROOT.joinpath, listed.stdout.rstrip("\0").split("\0")):
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
