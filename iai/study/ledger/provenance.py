"""What made a result: hashes of its config and of the library's code, and the commit."""

import ast
import hashlib
import json
import subprocess
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

LIBRARY = Path(str(files("iai")))
"""The folder of the package."""


def config_hash(config: dict[str, Any]) -> str:
    """12 hex digits that change when any value of a config does, and not with the order of its names."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


@cache
def sources_hash() -> str:
    """12 hex digits that change with what the library computes: its top-level statements, in whatever file.

    `study` decides what is run and shown, and is left out; so a move, a comment or a new table makes no record old.
    """
    modules = (path for path in LIBRARY.rglob("*.py") if "study" not in path.relative_to(LIBRARY).parts)
    found = sorted(line for path in modules for line in statements(path.read_text("utf-8")))
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:12]


class Bare(ast.NodeTransformer):
    """Drops imports, docstrings and other strings that stand alone."""

    def visit(self, node: ast.AST) -> Any:
        """None for what is dropped."""
        text = isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)
        return None if text or isinstance(node, ast.Import | ast.ImportFrom) else self.generic_visit(node)


def statements(source: str) -> list[str]:
    """The top-level statements of Python source, in one layout, without comments, docstrings and imports."""
    return [ast.unparse(node) for node in Bare().visit(ast.parse(source)).body]


@cache
def commit() -> str | None:
    """The last commit that changed the library, with "+" if it was edited since; None outside a checkout."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(LIBRARY), *words, "--", "."]
        return subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout.strip()

    try:
        last = git("log", "-1", "--format=%h", "--abbrev=12")
        return last + "+" * bool(git("status", "--porcelain")) if last else None
    except (OSError, subprocess.CalledProcessError):
        return None
