"""The built book reads offline, and a number that the ledger cannot know fails the build."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from iai.study.analysis.references import Reference, tip

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
PAGES = sorted((HTML / "book").glob("*.html"))
built = pytest.mark.skipif(not PAGES, reason="make book builds the pages")


@built
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_reads_offline(page: Path) -> None:
    text = page.read_text()
    loaded = re.findall(r'<(?:script|img|iframe)[^>]*\bsrc="([^"]+)"', text)
    loaded += re.findall(r'<link[^>]*rel="(?:stylesheet|preload|icon)"[^>]*href="([^"]+)"', text)
    assert loaded
    for address in loaded:
        assert not re.match(r"(https?:)?//", address), f"{page.name} loads {address}"
    for image in re.findall(r"<img[^>]*>", text):
        assert re.search(r'alt="[^"]+"', image), image


@built
def test_chapters_have_their_colab_button_and_local_mathematics() -> None:
    for page in (p for p in PAGES if p.stem[:2].isdigit()):
        text = page.read_text()
        assert re.search(rf"https://colab\.research\.google\.com/github/[^\"]*/book/{page.stem}\.ipynb", text)
        assert "mathjax/tex-svg-full.js" in text


CONF = """
extensions = ["myst_parser", "value"]
"""


@pytest.mark.parametrize(
    ("text", "expected", "complaint"),
    [
        ("smoke:table4/mnist/data:mnist:error:10", "0.25", ""),
        ("smoke:table4/mnist/data:mnist:error:10:.1%", "25.0%", ""),
        ("smoke:table4/mnist/data:mnist:error:10/1:.2f", "0.50", ""),
        ("smoke:table4/mnist/data:mnist:mean/error:1", "0.9", ""),
        ("paper:table4/mnist/data:mnist:error:10", "pending", ""),
        ("smoke:table4/mnist/dada:mnist:error:10", "", "unknown key"),
        ("big:table4/mnist/data:mnist:error:10", "", "unknown profile"),
        ("smoke:table4/mnist/data:cifar:error:10", "", "unknown evaluation set"),
        ("smoke:table4/mnist/data:mnist:mse:10", "", "unknown metric"),
        ("smoke:table4/mnist/data:mnist:error:99", "", "not after 99"),
        ("smoke:table4/mnist/data:mnist:error:ten", "", "write a number of steps"),
        ("smoke:table4/mnist/data:mnist:error:10:zz", "", "Unknown format"),
        ("table4/mnist/data:mnist", "", "key:set:metric:k"),
    ],
)
def test_bound_numbers(
    text: str, expected: str, complaint: str, shown_profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAI_RESULTS", str(shown_profile))
    if complaint:
        with pytest.raises(ValueError, match=complaint):
            format(Reference.parse(text, "small").look_up(), Reference.parse(text, "small").spec)
        return
    reference = Reference.parse(text, "small")
    found = reference.look_up()
    assert format(found, reference.spec) == expected
    assert ("seeds 0, 1" in tip(found, reference.spec)) == (expected != "pending")


@pytest.mark.parametrize(("k", "status"), [("10", 0), ("11", 1)])
def test_build_fails_on_a_number_that_is_not_there(
    k: str, status: int, shown_profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAI_RESULTS", str(shown_profile))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "book" / "_ext"))
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text(f"# Title\n\nIt is {{val}}`smoke:table4/mnist/data:mnist:error:{k}`.\n")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", str(tmp_path), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 * status, done.stderr
    if status == 0:
        page = (tmp_path / "out" / "index.html").read_text()
        assert re.search(r'<span class="iai-val" data-tip="smoke · seeds 0, 1 [^"]*" tabindex="0">0\.25</span>', page)
    else:
        assert "not after 11" in done.stderr
