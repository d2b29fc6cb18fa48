"""Makes NN.ipynb from NN.py: jupytext reads the percent script, papermill runs it, machine traces are stripped."""

import argparse
import base64
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

import jupytext
import nbformat
import papermill
from PIL import Image
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[2]
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def strip(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without times, versions, random ids and progress bars: equal runs give equal files."""
    notebook.metadata = nbformat.from_dict(
        {
            "jupytext": {"formats": "ipynb,py:percent"},
            "kernelspec": KERNEL,
            "language_info": {"name": "python"},
        }
    )
    for i, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{i}"
        for key in ("papermill", "execution", "lines_to_next_cell"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.metadata.tags.append("remove-cell")
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if not is_noise(o)]
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    output["data"]["image/png"] = smaller(output["data"]["image/png"])
    return notebook


def smaller(png: str) -> str:
    """A figure in base64 with a palette of 256 colours: a quarter of the size, the same to the eye."""
    found, written = Image.open(BytesIO(base64.b64decode(png))), BytesIO()
    found.quantize(256, method=Image.Quantize.FASTOCTREE).save(written, "png", optimize=True)
    return base64.b64encode(written.getvalue()).decode() + "\n"


def is_noise(output: nbformat.NotebookNode) -> bool:
    """Whether an output is a progress bar on stderr, or a value that is shown as its address in memory."""
    if output.output_type == "execute_result":
        return re.fullmatch(r"<.* at 0x[0-9a-f]+>", output.data.get("text/plain", "")) is not None
    if output.get("name") != "stderr":
        return False
    output["text"] = re.sub(r"[^\n]*\r[^\n]*\n?", "", output["text"])  # a warning beside a bar is no noise
    return not output["text"].strip()


def stderr_of(notebook: nbformat.NotebookNode) -> str:
    """What the chapter's cells said on stderr; a page has no place for it."""
    return "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", ()) if o.get("name") == "stderr")


def execute(chapter: Path, into: Path, parameters: dict[str, str]) -> tuple[Path, float]:
    """Runs one chapter in `book/` and writes its notebook; raises papermill's error, or on stderr output."""
    start = time.monotonic()
    target = into / chapter.resolve().relative_to(ROOT).with_suffix(".ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / target.name
        nbformat.write(jupytext.read(chapter), path)
        options = {"kernel_name": "python3", "cwd": chapter.parent, "progress_bar": False}
        # Kernels side by side talk through sockets of their own: ports can collide.
        sockets = Config(KernelManager={"transport": "ipc", "ip": str(Path(scratch) / "kernel")})
        notebook = strip(papermill.execute_notebook(path, path, parameters, config=sockets, **options))
    if said := stderr_of(notebook):
        raise SystemExit(f"{chapter}: a cell wrote to stderr, which a reader should not see:\n{said}")
    nbformat.write(notebook, target)
    return chapter, time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chapters", nargs="*", type=Path)
    parser.add_argument("--into", type=Path, required=True, help="the folder that gets book/NN.ipynb")
    parser.add_argument("--profile", help="smoke, small or paper; as the chapter stands if left out")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    os.environ.pop("MPLBACKEND", None)  # a kernel shows its figures only with the backend of its own choice
    chapters = args.chapters or sorted((ROOT / "book").glob("[0-9][0-9]_*.py"))
    parameters = {"profile": args.profile} if args.profile not in (None, "smoke") else {}
    with ProcessPoolExecutor(args.jobs) as pool:
        for chapter, seconds in pool.map(partial(execute, into=args.into.resolve(), parameters=parameters), chapters):
            print(f"{chapter}: {seconds:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
