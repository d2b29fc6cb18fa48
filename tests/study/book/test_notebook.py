"""What a chapter needs: wrong parameters are one line, and every number shown is the ledger's or said to be missing."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from example_record import KEY, SET, record

from iai.experiment import to_json
from iai.study import registry
from iai.study.analysis import references
from iai.study.book import notebook
from iai.study.book.notebook import Chapter, Grid, check_parameters, provenance, setup, show, table
from iai.study.jobs.runs import Run
from iai.study.ledger import records
from iai.study.ledger.records import Missing, Summary
from iai.study.registry.trials import SELECTED
from iai.training import checkpoint
from iai.types import UserError

EXPLICIT = "table3/linear-regression/data"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("IAI_RUNS", str(tmp_path / "runs"))
    return tmp_path


@pytest.fixture
def chapter() -> Chapter:
    return Chapter(profile="smoke", shown_profile="small", seed=0)


def parameters(injected: str = "", **changes: Any) -> dict[str, Any]:
    """The namespace of a notebook after its parameters cell, and after papermill's own cell if there is one."""
    declared = {"profile": str, "shown_profile": str, "seed": int, "rate": float, "deep": bool}
    values = {"profile": "smoke", "shown_profile": "small", "seed": 0, "rate": 1, "deep": True}
    cells = ["", 'profile: str = "smoke"', *([f"# Parameters\n{injected}\n"] if injected else [])]
    return {"__annotations__": declared, "In": cells, "other": "not a parameter", **values, **changes}


def test_good_parameters_make_a_chapter() -> None:
    made = setup(parameters("seed = 3", seed=3))
    assert made == Chapter(profile="smoke", shown_profile="small", seed=3)
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("namespace", "words"),
    [
        (parameters("sed = 1", sed=1), "unknown parameter of this chapter 'sed': did you mean seed"),
        (parameters(profile="smok"), "unknown profile 'smok': did you mean smoke"),
        (parameters(shown_profile="h100"), "unknown shown_profile 'h100': there is smoke, small, paper"),
        (parameters(seed="one"), "parameter seed = 'one': it must be an integer"),
        (parameters(seed=1.5), "seed = 1.5"),
        (parameters(seed=True), "seed = True"),
        (parameters(rate="fast"), "rate = 'fast': it must be a finite number"),
        (parameters(deep=1), "deep = 1: it must be True or False"),
        (parameters(seed=-1), "choose from 0 to 999"),
    ],
)
def test_a_wrong_parameter_is_one_line_with_the_fix(namespace: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as raised:
        check_parameters(namespace)
    assert "\n" not in str(raised.value)


def test_papermill_runs_a_checked_chapter_and_refuses_a_misspelt_parameter(folders: Path) -> None:
    papermill = pytest.importorskip("papermill")
    nbformat = pytest.importorskip("nbformat")
    cell = nbformat.v4.new_code_cell
    first = cell(
        'profile: str = "smoke"\nshown_profile: str = "small"\nseed: int = 0', metadata={"tags": ["parameters"]}
    )
    check = cell("from iai.study.book import notebook\nnotebook.check_parameters(globals())\nprint(seed)")
    made = nbformat.v4.new_notebook(cells=[first, check], metadata={"language_info": {"name": "python"}})
    nbformat.write(made, folders / "in.ipynb")

    def run(**given: Any) -> Any:
        paths = str(folders / "in.ipynb"), str(folders / "out.ipynb")
        return papermill.execute_notebook(*paths, parameters=given, kernel_name="python3", progress_bar=False)

    assert run(seed=4).cells[-1].outputs[0].text == "4\n"
    with pytest.raises(Exception, match="unknown parameter of this chapter 'sed': did you mean seed"):
        run(sed=4)


def value(text: str) -> str:
    """The number of a reference, as prose prints it."""
    reference = references.Reference.parse(text, "small")
    return format(reference.look_up(), reference.spec)


def test_a_reference_in_prose_is_a_number_of_the_ledger() -> None:
    for seed in (0, 1):
        records.write(record(seed=seed))
    assert value(f"{KEY}:{SET}:mse:1:.3f") == "0.750"
    assert value(f"small:{KEY}:{SET}:mse:1") == "0.75"
    assert value(f"{KEY}:{SET}:ridge/mse:5:.3f") == "0.125"
    assert value(f"{KEY}:{SET}:mse:1/3:.2f") == "2.00"
    assert value(f"paper:{KEY}:{SET}:mse:1:.3f") == "pending"
    assert value(f"{EXPLICIT}:{SET}:mse:1") == "pending"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (KEY, "is no .profile:.key:set:metric:k"),
        (f"{KEY}:{SET}:mse:ten", "k is 'ten'"),
        (f"{KEY}:{SET}:mse:10/1/2", "k is '10/1/2'"),
        (f"{KEY}:{SET}:a/b/mse:1", "metric is 'a/b/mse'"),
        (f"paper:{KEY}:{SET}:mes:1", "unknown metric"),
        (f"paper:{KEY}:{SET}:mse:999", "after 0 to 20 steps"),
        (f"cpuu:{KEY}:{SET}:mse:1", "unknown profile"),
        (f"table2/linear-regresion/data:{SET}:mse:1", "unknown key"),
        (f"{KEY}:{SET}:mes:1", "unknown metric"),
        (f"{KEY}:mnist:mse:1", "unknown evaluation set"),
    ],
)
def test_a_reference_that_the_ledger_cannot_know_is_an_error(reference: str, words: str) -> None:
    records.write(record())
    with pytest.raises(UserError, match=words):
        value(reference)


def test_trials_of_a_row_and_of_a_learned_baseline_stand_beside_what_they_took(monkeypatch: pytest.MonkeyPatch) -> None:
    at_small = Chapter(profile="smoke", shown_profile="small", seed=0)
    row, baseline = "table2/linear-regression/data", "baseline/mnist/attentive-cnp"
    series = {"mean": [2.0] * 10 + [1.25], "se": [0.1] * 11}
    metrics = {"validation": {"loss": series}}
    records.write(record(f"trial/{row}/rate-double") | {"profile": "small", "metrics": metrics})
    monkeypatch.setitem(SELECTED, row, "rate-double")
    grid = at_small.trials({"data": row, "neural process": baseline})
    columns = [dict(zip(grid.rows, column)) for column in zip(*grid.rows.values())]
    assert grid.header == ("", "data", "neural process")
    assert f"{columns[0]['rate-double']} {columns[0]['rate-half']} {columns[1]['rate-half']}" == "1.25 pending –"
    assert [column["taken"] for column in columns] == ["rate-double", SELECTED.get(baseline, "centre")]


def test_a_tip_tells_profile_seeds_interval_and_commit() -> None:
    for seed in (0, 1):
        records.write(record(seed=seed))
    found = references.Reference.parse(f"{KEY}:{SET}:mse:1", "small").look_up()
    assert references.tip(found, ".2f") == "small · seeds 0, 1 · 95 % interval over seeds: -2.43 to 3.93 · commit abc"
    assert references.tip(Missing(reason="not run"), "") == "not run"


def test_a_table_shows_mean_and_spread_and_where_they_come_from(chapter: Chapter) -> None:
    for seed in (0, 1):
        records.write(record(seed=seed))
    rows = {"data": KEY, "ridge": f"{KEY}|ridge", "explicit": EXPLICIT}
    text = str(table(chapter.steps(rows, SET, "mse", (1, 2)), "Error.", "tab-x", ".3f"))
    assert text.splitlines() == [
        ":::{table} Error. (Profile `small`; seeds 0, 1; ± is the standard error over seeds.)",
        ":name: tab-x",
        "",
        "|  | 1 step | 2 steps |",
        "|---|---:|---:|",
        "| data | 0.750\u00a0±\u00a00.250 | 0.500\u00a0±\u00a00.167 |",
        "| ridge | 0.375\u00a0±\u00a00.125 | – |",
        "| explicit | pending | pending |",
        ":::",
    ]
    assert table(chapter.steps(rows, SET, "mse", (1,)), "", "t")._repr_markdown_().startswith(":::{table}")


def test_a_table_with_two_kinds_of_spread_says_which_is_which(chapter: Chapter) -> None:
    same = {SET: {"ridge": {"mse": {"mean": [0.5] * 21, "se": [0.1] * 21}}}}
    for seed in (0, 1):
        records.write(record(seed=seed, baselines=same))
    rows = {"data": KEY, "ridge": f"{KEY}|ridge"}
    text = str(table(chapter.steps(rows, SET, "mse", (1,)), "", "t", ".1%"))
    assert "± is the standard error over seeds, † over tasks.)" in text
    assert "| data | 75.0\u00a0±\u00a025.0\u00a0% |" in text and "| ridge | 50.0\u00a0±\u00a010.0†\u00a0% |" in text
    named = str(table(chapter.steps(rows, SET, "mse", (1,)), "", "t", source="(From elsewhere.)"))
    assert "(From elsewhere.) († over tasks.)" in named
    alone = str(table(chapter.steps({"ridge": f"{KEY}|ridge"}, SET, "mse", (1,)), "", "t"))
    assert "over tasks.)" in alone and "†" not in alone


def test_columns_of_words_are_set_to_the_left() -> None:
    grid = Grid(header=("", "g", "error"), rows={"SGD": ("descent", 0.5), "MAML": ("descent", 0.25)})
    assert "|---|---|---:|" in str(table(grid, "", "t"))


def test_a_table_of_one_seed_says_that_its_spread_is_over_tasks(chapter: Chapter) -> None:
    records.write(record())
    assert "over tasks" in str(table(chapter.steps({"data": KEY}, SET, "mse", (1,)), "", "t"))
    nothing = table(chapter.steps({"explicit": EXPLICIT}, SET, "mse", (1,)), "", "t")
    assert "Pending: nothing of this has been run yet" in str(nothing)
    live = notebook.table(Grid(header=("", "a"), rows={"row": (1.0,)}), "Measured here.", "tab-live")
    assert "{table} Measured here. (Not from the ledger.)" in str(live)


def test_a_table_of_an_unknown_key_is_an_error(chapter: Chapter) -> None:
    with pytest.raises(UserError, match="unknown key"):
        chapter.steps({"data": "table2/linear-regression/dat"}, SET, "mse", (1,))
    with pytest.raises(UserError, match="unknown key"):
        chapter.curve("table2/linear-regression/dat", SET, "mse")


def test_cells_are_plain_or_with_their_spread() -> None:
    cell = Summary(values=(0.24, 0.26), errors=(0.1, 0.1), seeds=(0, 1), profile="small")
    assert show(cell, ".1%") == "25.0 ± 1.0 %"
    assert show(cell, ".2f") == "0.25 ± 0.01"
    assert (show(2, "d"), show("word"), show(Missing(reason="x"))) == ("2", "word", "pending")
    ratio = Summary(values=(0.25,), errors=(math.nan,), seeds=(0,), profile="small")
    assert show(ratio) == "0.25", "an unknown spread is not shown"
    large = Summary(values=(333.2,), errors=(12.4,), seeds=(0,), profile="small")
    assert show(large) == "333 ± 12"
    nearly_ten = Summary(values=(50.7,), errors=(9.6,), seeds=(0,), profile="small")
    assert show(nearly_ten) == "50.7 ± 10", "no exponents"
    assert "| a | 3 |" in str(table(Grid(header=("", "n"), rows={"a": (3,)}), "", "t", "d"))


def test_curves_are_the_committed_ones(chapter: Chapter) -> None:
    records.write(record())
    found = chapter.curves({"data": KEY, "ridge": f"{KEY}|ridge", "explicit": EXPLICIT}, SET, "mse")
    assert [point.mean for point in found["data"]] == [1 / (k + 1) for k in range(21)]
    assert found["ridge"][5].mean == pytest.approx(1 / 12)
    assert isinstance(found["explicit"], Missing)


def test_the_banner_tells_what_a_reader_must_know(chapter: Chapter) -> None:
    said = str(chapter.banner(KEY))
    assert "6 pending" in said
    assert f"reproduce '{KEY}' --profile small" in said
    many = str(chapter.banner(*[KEY] * 6))
    assert "36 pending" in many and many.count("reproduce") == 1
    assert "reproduce 'PATTERN' --profile small" in many
    config = to_json(registry.experiment(KEY, "small"))
    fresh = {"config_hash": records.config_hash(config), "sources_hash": records.sources_hash()}
    for seed in range(6):
        records.write(record(seed=seed, **fresh))
    assert chapter.banner(KEY) is None  # an empty text would stand on the page as its repr
    records.write(record(seed=2, **fresh | {"config_hash": "old"}))
    assert "1 stale" in str(chapter.banner(KEY))


def test_a_model_is_trained_once_and_then_loaded(chapter: Chapter, monkeypatch: pytest.MonkeyPatch) -> None:
    model, progress = chapter.train(KEY)
    assert progress.losses[-1] < progress.losses[0]
    path = Run(KEY, "smoke", 0).checkpoint
    before = path.stat().st_mtime_ns
    monkeypatch.setattr("iai.training.objectives.Greedy.__call__", None)
    loaded, again = chapter.train(KEY)
    assert (again.losses, path.stat().st_mtime_ns) == (progress.losses, before)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, loaded.state_dict()[name])
    assert checkpoint.read(path)[1]["sources_hash"] == records.sources_hash()


def test_a_model_is_trained_on_the_gpu_where_there_is_one(chapter: Chapter, monkeypatch: pytest.MonkeyPatch) -> None:
    devices, original = [], notebook.fit
    monkeypatch.setattr(notebook, "pick_device", lambda: torch.device("cuda:3"))
    monkeypatch.setattr(
        notebook, "fit", lambda *words, device, **others: devices.append(device) or original(*words, **others)
    )
    chapter.train(KEY)
    assert devices == [torch.device("cuda:3")]


def test_live_training_goes_on_with_another_library(chapter: Chapter, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Run(KEY, "smoke", 0).checkpoint
    checkpoint.write(path, {}, {"config_hash": "old", "sources_hash": "old"})
    monkeypatch.setattr(
        notebook, "fit", lambda *words, path, **options: pytest.fail("kept") if path.exists() else 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        chapter.train(KEY)


def test_a_caption_speaks_of_a_spread_only_where_there_is_one() -> None:
    counted = Summary(values=(3.0, 3.0), errors=(math.nan, math.nan), seeds=(0, 1), profile="small")
    assert provenance([counted]) == "(Profile `small`; seeds 0, 1.)"
