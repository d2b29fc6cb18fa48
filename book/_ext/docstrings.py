"""Lets docstrings be plain text with `code` in single backticks: nothing else in them is markup."""

import re

from sphinx.application import Sphinx

CODE = re.compile(r"`+([^`]+)`+")


def plain(line: str) -> str:
    """One docstring line as reStructuredText: backticked code is literal, every other character itself."""
    indent = line[: len(line) - len(line.lstrip())]
    parts = CODE.split(line.lstrip())
    parts[::2] = [re.sub(r"([*|\\]|_\b)", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"``{part}``" for part in parts[1::2]]
    return indent + "".join(parts)


def process(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """autodoc's hook: rewrites `lines` in place."""
    lines[:] = [plain(line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
