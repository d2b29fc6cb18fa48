"""What surrounds a command: streams, variables, folders and working directories of every kind end in words, or work."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from example_record import KEY, record

from iai.experiment import to_json
from iai.study import registry
from iai.study.cli import main
from iai.study.jobs import runs
from iai.study.ledger import records
from iai.tasks import data
from iai.training import distributed, pick_device
from iai.types import UserError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("IAI_RESULTS", "IAI_RUNS", "WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shell(line: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """A line of the shell in which `iai` is the command, and stdout and stderr are the two pipes that are given."""
    iai = f'iai() {{ "{sys.executable}" -m iai "$@"; }}; '
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **env}
    return subprocess.run(["sh", "-c", iai + line], env=env, capture_output=True)


def test_a_terminal_that_has_no_such_letters_gets_others() -> None:
    show = shell(f"iai show {KEY}", PYTHONIOENCODING="ascii")
    claims = shell("iai claims", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert (show.returncode, show.stderr) == (0, b"") and rb"\xb1" in show.stdout
    assert (claims.returncode, claims.stderr) == (0, b"") and rb"\u2192" in claims.stdout


def test_the_hash_of_the_sources_is_no_matter_of_the_locale() -> None:
    line = f'"{sys.executable}" -c "from iai.study.ledger import provenance; print(provenance.sources_hash())"'
    found = shell(line, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert found.stdout.decode().strip() == records.sources_hash(), found.stderr


def test_a_folder_whose_name_is_no_text_is_one(folders: Path) -> None:
    name = os.fsdecode(b"r\xff")
    (folders / name).mkdir()
    done = shell(f"iai list {KEY} --results {name}; iai verify {KEY} --results {name}", PYTHONIOENCODING="utf-8")
    assert done.returncode == 2 and b"Traceback" not in done.stderr and rb"r\udcff" in done.stderr


@pytest.mark.parametrize(
    ("line", "code"),
    [("iai list >&-", 0), ("iai list >&- 2>&-", 0), ("iai lst 2>&-", 2), ("iai list > /dev/full", 1)],
)
def test_a_stream_that_is_closed_or_full_is_no_traceback(line: str, code: int) -> None:
    done = shell(line)
    assert done.returncode == code and b"Traceback" not in done.stderr and b"Exception" not in done.stderr


@pytest.mark.parametrize(
    ("set_to", "processes"),
    [
        ({"WORLD_SIZE": "2"}, 1),
        ({"WORLD_SIZE": ""}, 1),
        ({"WORLD_SIZE": "two"}, 1),
        ({"WORLD_SIZE": "2", "RANK": "0"}, 1),
        ({"WORLD_SIZE": "2", "RANK": ""}, 1),
        ({"RANK": "1"}, 1),
        ({"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "a", "MASTER_PORT": "1"}, 2),
        ({"WORLD_SIZE": "2", "RANK": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1"}, None),
        ({"WORLD_SIZE": "2", "RANK": "-1", "MASTER_ADDR": "a", "MASTER_PORT": "1"}, None),
        ({"WORLD_SIZE": "x", "RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "1"}, None),
        ({"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "x"}, None),
    ],
)
def test_processes_are_those_of_torchrun(
    set_to: dict[str, str], processes: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    if processes:
        assert distributed.launched() == processes
    else:
        with pytest.raises(UserError, match="torchrun"):
            distributed.launched()


def test_a_process_without_a_local_rank_takes_the_first_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setattr(distributed.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(distributed, "launched", lambda: 2)
    assert distributed.local_device(None) == "cuda:0"


@pytest.mark.parametrize("name", ["hpu", "privateuseone", "xla", "meta", "cuda:-1", "cpu:", " cpu"])
def test_a_device_that_torch_knows_and_this_machine_does_not(name: str) -> None:
    with pytest.raises(UserError, match="cannot be used here"):
        pick_device(name)


def test_a_tilde_is_the_home_folder(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RESULTS", "RUNS", "DATA"):
        monkeypatch.setenv(f"IAI_{name}", "")  # what the options set is undone after the test
    assert main(["list", KEY, "--results=~/r", "--runs=~/u", "--data=~/d"]) == 0
    found = (records.root(), runs.runs_root(), data.root())
    assert found == tuple(folders / "home" / name for name in "rud")
    for name in ("RESULTS", "RUNS", "DATA"):
        monkeypatch.setenv(f"IAI_{name}", "~nobody-at-all/x")
    assert records.root() == Path("~nobody-at-all/x"), "as a shell has it"


def test_no_folder_is_no_other_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", KEY, "--results="]) == 0
    assert "done" in capsys.readouterr().out


def test_from_anywhere_the_ledger_is_that_of_the_book(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert records.root() == ROOT / "book" / "results"
    assert runs.runs_root() == ROOT / "runs"
    assert main(["list", KEY]) == 0
    said = capsys.readouterr()
    assert "done" in said.out and said.err == ""
    nearer = folders / "book" / "results"
    nearer.mkdir(parents=True)
    assert records.root() == nearer


@pytest.mark.parametrize("words", [["list", KEY], ["show", KEY], ["claims"], ["verify", KEY]])
def test_a_ledger_that_is_not_there_is_named(folders: Path, words: list[str], capsys: Any) -> None:
    for _ in range(2):  # where there is no folder, and where there is an empty one
        code = main([*words, "--results", str(folders / "mistyped")])
        said = capsys.readouterr().err
        assert code == (2 if words[0] == "verify" else 0)
        assert str(folders / "mistyped") in said and said.count("\n") == 1
        (folders / "mistyped").mkdir(exist_ok=True)


def test_what_makes_a_ledger_says_where(folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(runs, "COMMAND", ["true"])
    words = ["reproduce", KEY, "--profile", "smoke", "--device", "cpu", "--results", "new", "--runs", "runs"]
    assert main(words) == main(words) == 0
    assert capsys.readouterr().out.count(f"a new ledger: {folders / 'new'}\n") == 1


@pytest.mark.parametrize("option", ["--threads", "--jobs", "--seeds", "--seed"])
@pytest.mark.parametrize("value", ["99999999999", "4294967296", "-1", "1e3", "0x1"])
def test_a_number_past_the_limit_is_one_line(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = "run" if option in ("--threads", "--seed") else "reproduce"
    assert main([command, KEY, "--results", "r", "--runs", "u", option, value]) == 2
    said = capsys.readouterr().err
    assert option in said and said.count("\n") == 1


def test_a_folder_of_the_first_user_is_no_surprise_after_the_training(folders: Path, capsys: Any) -> None:
    """The folder of the record is tried before, and not only that of the ledger."""
    (folders / "r" / "smoke").mkdir(parents=True)
    (folders / "r" / "smoke" / KEY.split("/")[0]).write_text("no folder")
    words = ["run", KEY, "--profile", "smoke", "--device", "cpu", "--results", "r", "--runs", "u"]
    assert main(words) == 2 and "--results" in capsys.readouterr().err


def test_show_says_what_each_spread_is_over(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("IAI_RESULTS", "r")
    config = to_json(registry.experiment(KEY, "small"))
    for seed in range(2):
        found = record(KEY, seed, config=config, config_hash=records.config_hash(config))
        found["metrics"]["linear-regression"]["mse"]["mean"][0] = 7.0  # the same in both
        records.write(found)
    assert main(["show", KEY]) == 0
    shown = capsys.readouterr().out
    assert "k=0 7 ± 0.1†" in shown and "k=1 0.75 ± 0.25  " in shown and "over seeds, † over tasks; seeds 0, 1" in shown
