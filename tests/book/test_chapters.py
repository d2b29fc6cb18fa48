"""Every chapter has one form: source and notebook agree, figures and tables have captions."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "book").glob("[0-9][0-9]_*.py"))
KEPT = ("tags", "mystnb")

Notebook = nbformat.NotebookNode
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def notebook(path: Path) -> Notebook:
    return nbformat.read(path.with_suffix(".ipynb"), as_version=4)


def code_cells(path: Path) -> list[Notebook]:
    return [cell for cell in notebook(path).cells if cell.cell_type == "code" and cell.source.strip()]


def essence(cell: Notebook) -> tuple[str, str, dict[str, Any]]:
    return cell.cell_type, cell.source, {k: v for k, v in cell.metadata.items() if k in KEPT}


def shown(path: Path, mime: str) -> list[tuple[Notebook, str]]:
    """Each output of a type, with its cell."""
    return [(c, o["data"][mime]) for c in code_cells(path) for o in c.outputs if mime in o.get("data", {})]


def test_there_are_chapters() -> None:
    assert CHAPTERS
    assert {p.stem for p in CHAPTERS} == {p.stem for p in (ROOT / "book").glob("[0-9][0-9]_*.ipynb")}


def test_the_table_of_contents_names_every_chapter_once() -> None:
    named = re.findall(r"file: book/(\d\d_\w+)", (ROOT / "_toc.yml").read_text())
    assert sorted(named) == [path.stem for path in CHAPTERS]


@every_chapter
def test_source_and_notebook_agree(path: Path) -> None:
    source, made = map(essence, jupytext.read(path).cells), map(essence, notebook(path).cells)
    for i, (ours, theirs) in enumerate(zip(source, made, strict=True)):
        assert ours == theirs, f"cell {i} differs: make notebooks CHAPTERS=book/{path.name}"


@every_chapter
def test_every_cell_was_executed_without_error(path: Path) -> None:
    assert [c.execution_count for c in code_cells(path)] == list(range(1, len(code_cells(path)) + 1))
    assert not [o for c in code_cells(path) for o in c.outputs if o.output_type == "error" or o.get("name") == "stderr"]


@every_chapter
def test_parameters_are_documented(path: Path) -> None:
    assert [c.metadata.get("tags") for c in code_cells(path)].count(["parameters"]) == 1
    found = papermill.inspect_notebook(path.with_suffix(".ipynb"))
    assert {"profile", "shown_profile", "seed"} <= set(found)
    for name, parameter in found.items():
        assert parameter["inferred_type_name"] != "None", f"{name} has no annotation"
        assert parameter["help"], f"{name} has no comment"


@every_chapter
def test_figures_have_a_caption_a_name_and_alt_text(path: Path) -> None:
    for cell, _ in shown(path, "image/png"):
        how = cell.metadata["mystnb"]
        assert how["figure"]["name"].startswith("fig-")
        assert len(how["figure"]["caption"]) > 30
        assert len(how["image"]["alt"]) > 30


@every_chapter
def test_tables_have_a_caption_and_a_name(path: Path) -> None:
    for _, text in shown(path, "text/markdown"):
        if re.search(r"^\|?\s*:?-{3,}", text, re.MULTILINE):
            assert re.search(r"^:::+\{table\} \S.*\n:name: tab-", text, re.MULTILINE), text[:200]
    for _, text in shown(path, "text/html"):
        assert "<table" not in text, "tables are generated Markdown"


@every_chapter
def test_no_trace_of_a_machine(path: Path) -> None:
    text = path.with_suffix(".ipynb").read_text()
    most = 500_000 if "iai-play" in text else 300_000  # with the weights of three models
    assert len(text) < most, f"a notebook stays under {most // 1000} KB: fewer or smaller figures"
    text = json.dumps([c.outputs for c in code_cells(path)]) + path.read_text()
    text = re.sub(r'"image/png": "[^"]*"', "", text)
    for trace in (str(ROOT), str(Path.home()) + "/", "site-packages", "/tmp/", "ipykernel_"):
        assert trace not in text
    assert not re.search(r"\bat 0x[0-9a-f]{6,}", text), "an object's address is no output"


@every_chapter
def test_form(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)], "classes live in iai"
    functions = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert len(functions) <= 2, f"{functions}: at most two small functions a chapter"
    prose = "\n".join(c.source for c in notebook(path).cells if c.cell_type == "markdown")
    headings = re.findall(r"^## (.*)$", prose, re.MULTILINE)
    assert headings[-1] == "What we found, and what we did not"
    assert "*Cost" in prose
    assert set(re.findall(r"^:label: (ex-.*)$", prose, re.MULTILINE)) == set(
        re.findall(r"^`{3,}\{solution\} (\S+)$", prose, re.MULTILINE)
    )
    assert "{exercise}" in prose
