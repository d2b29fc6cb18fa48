"""The ledger: records survive, runs have one owner, and means and spreads are the textbook's."""

import fcntl
import json
import math
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from example_record import KEY, SET, arm, record

from iai.study.ledger import locks, provenance, records
from iai.study.ledger.statistics import Summary
from iai.types import UserError


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path))
    return tmp_path


def test_write_then_read_is_the_identity_but_for_numbers_that_are_not_finite(ledger: Path) -> None:
    path = records.write(record())
    assert path == ledger / "small" / KEY / "seed0.json"
    assert records.read(path) == record()
    diverged = record(curve={"update": [0], "loss": [math.inf]})
    assert records.read(records.write(diverged))["curve"] == {"update": [0], "loss": [None]}
    assert [found.name for found in path.parent.iterdir()] == ["seed0.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        json.dumps({"schema": 1}),
        json.dumps(record(schema=2)),
        json.dumps({**record(), "seed": "0"}),
        json.dumps(record(metrics={"s": {"mse": {"mean": [1], "se": []}}})),
        json.dumps(record(metrics={"s": {"mse": {"mean": ["1"], "se": [1]}}})),
        json.dumps(record(metrics={"s": {"mse": {"mean": [1]}}})),
        json.dumps(record(metrics={"s": 3})),
    ],
)
def test_a_malformed_record_is_one_clear_line(ledger: Path, text: str) -> None:
    path = ledger / "small" / KEY / "seed0.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(UserError, match="delete it") as raised:
        records.read(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    with pytest.raises(UserError):
        records.status(KEY, "small", 0, "x")


def test_a_copy_of_a_record_is_no_second_seed(ledger: Path) -> None:
    path = records.write(record())
    for name in ("seed1.json", "seed0 (copy).json"):
        shutil.copy(path, path.with_name(name))
        with pytest.raises(UserError, match="move it out of the ledger"):
            records.records(KEY, "small")
        path.with_name(name).unlink()
    assert len(records.records(KEY, "small")) == 1


def test_results_are_on_the_same_tasks_if_all_that_draws_them_is_the_same() -> None:
    config = {"evaluation_sets": {"a": {"ways": 5}, "b": {"ways": 6}}, "evaluation": {"seed": 1, "points": 10}}
    drawn = records.draw({"config": config}, "a")
    assert drawn != records.draw({"config": config}, "b")
    for name, value, same in (
        ("points", 20, False),
        ("seed", 2, False),
        ("contexts", [1], True),
        ("one_context", True, True),
    ):
        other = config | {"evaluation": config["evaluation"] | {name: value}}
        assert (records.draw({"config": other}, "a") == drawn) == same, name


def test_single_tasks_are_those_of_all_runs_or_none() -> None:
    for seed in range(2):
        records.write(arm(seed=seed, tasks=4))
    found = records.summary(KEY, "small", SET, "mse", 1)
    assert isinstance(found, Summary) and found.arm == (KEY, "small", SET, "mse", 1)
    assert [len(row) for row in found.tasks] == [4, 4] and found.tasks[1] == pytest.approx((0.25, 5 / 12, 7 / 12, 0.75))
    three = records.summary(KEY, "small", SET, "mse", 3)
    assert isinstance(three, Summary) and three.tasks == (), "not kept after three steps"
    records.write(arm(seed=2))
    older = records.summary(KEY, "small", SET, "mse", 1)
    assert isinstance(older, Summary) and older.tasks == ()


def test_status_by_record_and_owner() -> None:
    expected = record()["config_hash"]
    assert records.status(KEY, "small", 0, expected) == "pending"
    with records.lock(KEY, "small", 0):
        assert records.status(KEY, "small", 0, expected) == "running"
        assert records.status(KEY, "small", 1, expected) == "pending"
    records.write(record())
    assert records.status(KEY, "small", 0, expected) == "done"
    assert records.status(KEY, "small", 0, "another") == "stale"


def test_the_root_is_the_nearest_ledger_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IAI_RESULTS")
    deep = tmp_path / "book" / "chapters"
    deep.mkdir(parents=True)
    (tmp_path / "book" / "results").mkdir()
    monkeypatch.chdir(deep)
    assert records.root() == tmp_path / "book" / "results"


HOLDER = """
import sys, time
from pathlib import Path
from iai.study.ledger import locks
try:
    with locks.owned(Path(sys.argv[1])):
        print("mine", flush=True)
        time.sleep(float(sys.argv[2]))
except locks.Running:
    print("running", flush=True)
"""


def holder(path: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(path), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_one_of_many_processes_owns_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "run"
    processes = [holder(path, 4.0) for _ in range(4)]
    said = sorted(first_line(process) for process in processes)
    assert said == ["mine", "running", "running", "running"]
    assert locks.held(path)
    for process in processes:
        process.communicate()
    assert not locks.held(path)
    with locks.owned(path):
        assert locks.held(path)


def test_a_dead_owner_is_reclaimed(tmp_path: Path) -> None:
    path = tmp_path / "run"
    process = holder(path, 600.0)
    assert first_line(process) == "mine"
    assert str(process.pid) in locks.owner(path)
    with pytest.raises(locks.Running, match=str(process.pid)), locks.owned(path):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert path.exists()
    assert not locks.held(path)
    with locks.owned(path):
        assert locks.held(path)
    assert not locks.held(path)


def test_those_who_look_see_no_owner_in_each_other(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.touch()  # what a dead owner left
    with path.open("r+") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert not locks.held(path)


def test_patience_waits_for_an_owner_to_be_done(tmp_path: Path) -> None:
    path = tmp_path / "run"
    process = holder(path, 1.0)
    assert first_line(process) == "mine"
    with locks.owned(path, patience=60.0):
        process.communicate()
    assert process.returncode == 0


HAMMER = """
import os, sys, time
from pathlib import Path
from iai.study.ledger import locks
lock, inside, end = Path(sys.argv[1]), Path(sys.argv[2]), time.time() + 2
won = 0
while time.time() < end:
    try:
        with locks.owned(lock):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            won += 1
            inside.unlink()
    except locks.Running:
        continue
print(won)
"""


def test_a_lock_that_is_taken_again_and_again_never_has_two_owners(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HAMMER, str(tmp_path / "lock"), str(tmp_path / "inside")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    won = [int(process.communicate()[0]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sum(won) > 20


def test_summary_is_the_mean_over_seeds_with_the_textbooks_spreads() -> None:
    for seed in range(3):
        records.write(record(seed=seed))
    found = records.summary(KEY, "small", SET, "mse", 1)
    assert isinstance(found, records.Summary)
    values = [0.5, 1.0, 1.5]
    assert found.mean == pytest.approx(1.0)
    assert found.seeds == (0, 1, 2)
    assert found.between == pytest.approx(statistics.stdev(values) / 3**0.5)
    assert found.within == pytest.approx(0.1), "all seeds are judged on the same tasks"
    assert (found.source, found.spread) == ("seeds", found.between)
    assert found.interval == pytest.approx((1 - 4.303 * found.between, 1 + 4.303 * found.between))
    assert f"{found:.2f} {found}" == "1.00 1"
    assert f"{found:.1%}" == "100.0%"


def test_one_seed_has_a_spread_over_tasks_only() -> None:
    records.write(record())
    found = records.summary(KEY, "small", SET, "mse", 0)
    assert isinstance(found, records.Summary)
    assert math.isnan(found.between)
    assert (found.source, found.spread) == ("tasks", 0.1)
    assert found.interval == pytest.approx((1 - 0.196, 1 + 0.196))


def test_a_baseline_that_is_the_same_in_all_runs_has_a_spread_over_tasks() -> None:
    for seed in range(3):
        baseline = {"linear-regression": {"ridge": {"mse": {"mean": [0.5], "se": [0.1]}}}}
        records.write(record(seed=seed, baselines=baseline))
    found = records.summary(f"{KEY}|ridge", "small", SET, "mse", 0)
    assert isinstance(found, records.Summary)
    assert (found.source, found.spread, found.deterministic) == ("tasks", pytest.approx(0.1), True)
    assert found.interval == pytest.approx((0.5 - 0.196, 0.5 + 0.196))


def test_a_frame_has_a_row_for_each_number_and_changes_with_the_files(ledger: Path) -> None:
    path = records.write(record())
    records.write(record(seed=1))
    found = records.frame(KEY, "small")
    assert found.columns.tolist() == ["key", "seed", "evaluation", "learner", "metric", "k", "mean", "se"]
    assert len(found) == 2 * 2 * 21, "two seeds, the model and a baseline, 0 to 20 steps"
    (row,) = found.query("seed == 1 and learner == 'ridge' and k == 5").itertuples(index=False)
    assert tuple(row) == (KEY, 1, SET, "ridge", "mse", 5, 2 / 12, 2 / 12)
    assert found.query("learner == 'ridge'")["mean"].isna().sum() == 2 * 19, "not evaluated there"
    assert records.frame(KEY, "small") is found, "nothing changed"
    records.write(record(metrics={SET: {"mse": {"mean": [9.0] * 21, "se": [0.1] * 21}}}))
    assert records.summary(KEY, "small", SET, "mse", 1).values == (9.0, 1.0)
    path.unlink()
    assert records.summary(KEY, "small", SET, "mse", 1).seeds == (1,)
    records.write(record("table2/mnist/data"))
    assert set(records.frame("table2/*/*", "small")["key"]) == {KEY, "table2/mnist/data"}
    assert records.frame("table3/*", "small").empty


def test_a_name_that_one_seed_lacks_is_an_error_and_no_mean_over_the_others() -> None:
    records.write(record())
    records.write(record(seed=1, baselines={SET: {}}))
    with pytest.raises(UserError, match="unknown baseline"):
        records.summary(f"{KEY}|ridge", "small", SET, "mse", 1)


def test_what_is_not_there_is_missing_and_never_a_number() -> None:
    missing = records.summary(KEY, "small", SET, "mse", 1)
    assert isinstance(missing, records.Missing)
    assert f"{missing:.2f} {missing}" == "pending pending"
    records.write(record())
    records.write(record(seed=1, config_hash="other"))
    mixed = records.summary(KEY, "small", SET, "mse", 1)
    assert isinstance(mixed, records.Missing)
    assert "different configs" in mixed.reason


def test_a_baseline_has_the_models_call_and_says_where_it_was_not_evaluated() -> None:
    for seed in range(2):
        records.write(record(seed=seed))
    found = records.summary(f"{KEY}|ridge", "small", SET, "mse", 5)
    assert isinstance(found, records.Summary)
    assert found.mean == pytest.approx((1 / 12 + 2 / 12) / 2)
    assert format(records.summary(f"{KEY}|ridge", "small", SET, "mse", 2), ".2f") == "–"


def test_a_model_that_diverged_is_not_called_pending() -> None:
    records.write(record(metrics={SET: {"mse": {"mean": [1.0, math.nan], "se": [0.1, math.nan]}}}))
    assert str(records.summary(KEY, "small", SET, "mse", 1)) == "not finite"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((KEY, "small", "linear-regresion", "mse", 1), "linear-regression"),
        ((KEY, "small", SET, "mes", 1), "mse"),
        ((f"{KEY}|rigde", "small", SET, "mse", 1), "ridge"),
        ((KEY, "small", SET, "mse", 21), "0 to 20"),
    ],
)
def test_unknown_names_get_near_matches(arguments: Any, words: str) -> None:
    records.write(record())
    with pytest.raises(UserError, match=words):
        records.summary(*arguments)


def test_config_hash_sees_values_and_not_their_order() -> None:
    assert records.config_hash({"a": 1, "b": {"c": 2}}) == records.config_hash({"b": {"c": 2}, "a": 1})
    assert records.config_hash({"a": 1}) != records.config_hash({"a": 1.5})


SOURCE = '''"""Module."""
import math  # why


def area(r: float) -> float:
    """Area é."""
    # comment
    text = f"{r!r} # no comment"
    return math.pi * r**2, text
'''


def test_statements_ignore_words_and_imports_and_see_code() -> None:
    edited = SOURCE.replace("Area é.", "The area\n    of a circle.").replace("# comment", "# another\n\n")
    edited = edited.replace("import math  # why", "from math import pi")
    assert provenance.statements(edited) == provenance.statements(SOURCE)
    assert "# no comment" in provenance.statements(SOURCE)[-1]
    assert provenance.statements(SOURCE.replace("r**2", "r**3")) != provenance.statements(SOURCE)
    assert provenance.statements(SOURCE.replace("# no", "# a")) != provenance.statements(SOURCE)


def test_sources_hash_survives_a_move_and_sees_all_but_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = shutil.copytree(provenance.LIBRARY, tmp_path / "iai")
    monkeypatch.setattr(provenance, "LIBRARY", library)
    now = provenance.sources_hash.__wrapped__
    before = now()
    (library / "losses.py").rename(library / "tasks" / "moved.py")
    (library / "study" / "new").mkdir(parents=True)
    (library / "study" / "new" / "table.py").write_text("ROWS = 1\n")
    assert now() == before == provenance.sources_hash()
    moved = library / "tasks" / "moved.py"
    moved.write_text(moved.read_text().replace("square()", "abs()"))
    assert now() != before
