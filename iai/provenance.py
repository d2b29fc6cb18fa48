"""What made a result: hashes of its config and of the library's sources, and the commit."""

import ast
import hashlib
import io
import json
import subprocess
import tokenize
from functools import cache
from pathlib import Path
from typing import Any

UNHASHED = (
    "__init__.py",
    "__main__.py",
    "ablated.py",
    "ablations.py",
    "backbones.py",
    "bases.py",
    "bound.py",
    "choices.py",
    "claims.py",
    "commands.py",
    "contests.py",
    "contrasts.py",
    "cost.py",
    "costs.py",
    "examples.py",
    "experiments.py",
    "extract.py",
    "failures.py",
    "families.py",
    "generation.py",
    "jobs.py",
    "locks.py",
    "meter.py",
    "notebook.py",
    "passes.py",
    "plots.py",
    "provenance.py",
    "registry.py",
    "reproduce.py",
    "results.py",
    "rows.py",
    "slurm.py",
    "standings.py",
    "summaries.py",
    "theory.py",
    "verify.py",
)
"""Library files whose change makes no record old: they decide what is run, kept or shown, not what is computed."""

VERIFIED = Path(__file__).parent / "verified.json"
"""Where `verify` keeps what it found."""


def config_hash(config: dict[str, Any]) -> str:
    """12 hex digits that change when any value of a config does, and not with the order of its names."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


@cache
def sources_hash() -> str:
    """12 hex digits that change with the code that computes results; comments and docstrings do not count."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if name not in UNHASHED:
            digest.update(f"{name}\n{bare(path.read_text())}\n".encode())
    return digest.hexdigest()[:12]


def same_sources(one: str | None, other: str | None) -> bool:
    """Whether two sources hashes are equal, or of sources that were found to compute the same records."""
    return original(str(one)) == original(str(other))


def original(sources: str) -> str:
    """One of all the sources that compute what these do, as `python -m iai verify --accept` found: always the same."""
    group, before = {sources}, set[str]()
    while group != before:
        before = set(group)
        for one, entry in verified().items():
            alike = {one, *entry["same_as"]}
            group |= alike if alike & group else set()
    return min(group)


@cache
def verified() -> dict[str, dict[str, Any]]:
    """What was found to compute the same as what: by sources hash, with the runs that were computed again."""
    return json.loads(VERIFIED.read_text()) if VERIFIED.exists() else {}


def bare(source: str) -> str:
    """Python source without comments, docstrings and blank lines."""
    lines = source.splitlines()
    for start, end in [*_comments(source), *_docstrings(source)]:
        for row in range(start[0], end[0] + 1):
            first = start[1] if row == start[0] else 0
            last = end[1] if row == end[0] else len(lines[row - 1])
            lines[row - 1] = lines[row - 1][:first] + " " * (last - first) + lines[row - 1][last:]
    return "\n".join(line.rstrip() for line in lines if line.strip())


Span = tuple[tuple[int, int], tuple[int, int]]
"""From (row, column) to (row, column), rows from 1, columns in characters from 0."""


def _comments(source: str) -> list[Span]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [(token.start, token.end) for token in tokens if token.type == tokenize.COMMENT]


def _docstrings(source: str) -> list[Span]:
    """Strings that stand alone as statements; docstrings of variables are such too."""
    lines = source.splitlines()

    def characters(row: int, offset: int) -> tuple[int, int]:
        return row, len(lines[row - 1].encode()[:offset].decode())

    return [
        (characters(node.lineno, node.col_offset), characters(node.end_lineno, node.end_col_offset))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        if node.end_lineno is not None and node.end_col_offset is not None
    ]


@cache
def commit() -> str | None:
    """The last commit that changed the library, with "+" if it was edited since; None outside a checkout."""
    last = _git("log", "-1", "--format=%h", "--abbrev=12", "--", ".")
    return last and last + ("+" if _git("status", "--porcelain", "--", ".") else "")


def _git(*words: str) -> str | None:
    """What git says about the library's folder; None if there is no git, no checkout or no answer."""
    command = ["git", "-C", str(Path(__file__).parent), *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() or None
    except (OSError, subprocess.CalledProcessError):
        return None
