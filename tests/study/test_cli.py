"""The command line: mistakes are one line, runs have one owner, and time and signals are obeyed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from example_record import KEY, record

from iai.experiment import to_json
from iai.study import registry
from iai.study.cli import main
from iai.study.jobs import MachineError, executors, queue, run, runs
from iai.study.jobs.runs import Run, wanted
from iai.study.ledger import records
from iai.training import checkpoint

OTHER = "table2/linear-regression/grad"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("IAI_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("IAI_DATA", str(tmp_path / "data"))
    return tmp_path


def current(key: str = KEY, seed: int = 0, profile: str = "smoke", **changes: Any) -> records.Record:
    """A record that `status` calls done."""
    config = to_json(registry.experiment(key, profile))
    hashed = records.config_hash(config)
    return record(key, seed, profile=profile, config=config, config_hash=hashed) | changes


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["lst"], "did you mean list"),
        (["run"], "key"),
        (["list", "--profil", "small"], "--profile"),
        (["list", "--profile", "smal"], "small"),
        (["list", "tabel2"], "table2"),
        (["run", "table2/mnist/dat"], "table2/mnist/data"),
        (["run", KEY, "--profile", "gqu"], "paper"),
        (["run", KEY, "--device", "tpu"], "cpu"),
        (["run", KEY, "--seed", "x"], "--seed"),
        (["run", KEY, "--seed", "-1"], "--seed"),
        (["run", KEY, "--seed", "20000000000"], "--seed"),
        (["run", KEY, OTHER], "quote a pattern"),
        (["show", "table2/mnist"], "table2/mnist/data"),
        (["reproduce", "tabel2"], "table2"),
        (["reproduce", "--budget", "9"], "9m"),
        (["reproduce", "--budget", "m9"], "9m"),
        (["reproduce", "--jobs", "0"], "--jobs"),
        (["reproduce", "--seeds", "0"], "--seeds"),
        (["reproduce", "--device", "cudda"], "cpu"),
        ([], "there is list, run"),
        (["claims", "--profile"], "--profile"),
    ],
)
def test_a_mistake_is_one_line_with_the_fix(words: list[str], fix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith("iai: ")
    assert said.count("\n") == 1
    assert fix in said


def test_help_is_plain_and_needs_no_torch() -> None:
    program = "import sys; sys.modules['torch'] = None; from iai.study.cli import main; sys.exit(main(sys.argv[1:]))"
    for words, shown in ((["--help"], "reproduce"), (["run", "-h"], "--results DIR"), (["verify", "-h"], "--jobs J")):
        said = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
        assert (said.returncode, said.stderr) == (0, "") and said.stdout.isascii()
        assert said.stdout.startswith("Usage: python -m iai") and shown in said.stdout


@pytest.mark.parametrize("words", [["list", KEY], ["show", KEY], ["claims"]])
def test_every_command_reads_the_ledger_that_is_named(words: list[str], folders: Path, capsys: Any) -> None:
    for name in ("results", "runs", "data"):
        words = [*words, f"--{name}", str(folders / "other" / name)]
    records.write(current())
    assert main(words) == 0
    assert not re.search(r"1 done|seed 0 done", capsys.readouterr().out)
    assert records.root() == folders / "other" / "results" and runs.runs_root() == folders / "other" / "runs"


def test_a_reader_that_has_read_enough_is_no_mistake() -> None:
    """`list | head -1`: every line after the first finds the pipe closed."""
    command = [sys.executable, "-m", "iai", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as listing:
        assert listing.stdout and listing.stderr
        listing.stdout.read(1)
        listing.stdout.close()
        assert listing.stderr.read() == b""
    assert listing.returncode == 0


def test_a_malformed_record_is_one_line_with_the_fix(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = records.write(current())
    path.write_text("{")
    for words in (
        ["list"],
        ["show", KEY],
        ["run", KEY, "--profile", "smoke"],
        ["reproduce", "--profile", "smoke"],
    ):
        assert main(words) == 2, words
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "git checkout" in said


def test_data_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "table4/mnist/data", "--profile", "small", "--device", "cpu", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "IAI_DATA" in said


def test_list_and_show_print_every_status_and_number(capsys: pytest.CaptureFixture[str]) -> None:
    records.write(current())
    records.write(current(OTHER, config_hash="old"))
    with records.lock(KEY, "small", 1):
        assert main(["list", "table2/linear-regression"]) == 0
        rows = [re.split(r"  +", line) for line in capsys.readouterr().out.splitlines()]
        assert main(["list", KEY, "--profile", "small"]) == 0
        lines = capsys.readouterr().out.splitlines()
    assert rows[0] == ["", "smoke", "small", "paper"]
    assert [KEY, "1 done", "5 pending, 1 running", "3 pending"] in rows
    assert [OTHER, "1 stale", "6 pending", "3 pending"] in rows
    assert [line.split()[0] for line in lines] == ["pending", "running", *["pending"] * 4]
    assert main(["show", KEY]) == 0
    shown = capsys.readouterr().out
    assert "k=1 0.5 ± 0.1" in shown
    assert "standard error over tasks; seeds 0" in shown
    assert f"python -m iai run {KEY} --profile smoke --seed 0" in shown
    assert '"type": "Experiment"' in shown


def test_the_most_valuable_runs_come_first() -> None:
    paper = [key for key in registry.EXPERIMENTS if key.startswith("table")]
    others = [key for key in registry.EXPERIMENTS if not key.startswith("table")]
    expected = [(key, seed) for keys in (paper, others) for seed in (0, 1) for key in keys]
    assert [(one.key, one.seed) for one in wanted("*", "small", 2)] == expected
    assert {one.seed for one in wanted(KEY, "paper")} == set(range(3))
    assert [one.key for one in wanted("table2/*/grad", "small", 1)] == [OTHER, "table2/mnist/grad"]


def test_trials_ask_for_few_seeds_and_only_where_settings_are_taken_from_them() -> None:
    row = "trial/table2/mnist/grad/centre"
    assert {one.seed for one in wanted(row, "small")} == {0}
    assert {one.seed for one in wanted(row, "small", 3)} == {0, 1, 2}
    assert wanted(row, "paper") == []


@pytest.mark.parametrize("broken", ["--results", "--runs", "full"])
def test_a_disk_that_cannot_take_a_run_is_an_error_before_the_training(
    broken: str, folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[str] = []
    monkeypatch.setattr(queue, "run", lambda *words, **options: trained.append("run"))
    monkeypatch.setattr(executors, "launch", lambda *words, **options: trained.append("job"))
    (folders / "file").write_text("no folder")
    options = [broken, str(folders / "file" / "below")]
    if broken == "full":
        monkeypatch.setattr(queue.shutil, "disk_usage", lambda folder: type("U", (), {"free": 1e6})())
        options = []
    assert main(["run", KEY, "--profile", "smoke", *options]) == 2
    assert main(["reproduce", KEY, "--profile", "smoke", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 2
    assert "MB free" in said if broken == "full" else broken in said
    assert trained == []


def test_a_run_is_in_the_ledger_once_and_again_only_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[int] = []

    def fake(one: Run, **options: Any) -> records.Record:
        trained.append(one.seed)
        return current(one.key, one.seed, one.profile)

    monkeypatch.setattr(queue, "run", fake)
    for words, times in (([], 1), ([], 1), (["--again"], 2)):
        assert main(["run", KEY, "--profile", "smoke", "--device", "cpu", *words]) == 0
        assert trained == [0] * times
    assert records.read(records.path_of(KEY, "smoke", 0))["job_seconds"] >= 3.5
    assert "already done" in capsys.readouterr().out


def test_a_run_that_another_process_owns_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with records.lock(KEY, "smoke", 0):
        assert main(["run", KEY, "--profile", "smoke", "--device", "cpu"]) == 3
    assert f"process {os.getpid()}" in capsys.readouterr().err


def test_a_checkpoint_of_other_sources_is_set_aside() -> None:
    one = Run(key=KEY, profile="smoke", seed=0)
    path = Run(KEY, "smoke", 0).checkpoint
    training = run.training_hash(registry.experiment(one.key, one.profile))
    same = {"config_hash": training, "sources_hash": records.sources_hash()}
    for changed, kept in (({}, True), ({"sources_hash": "old"}, False), ({"config_hash": "old"}, False)):
        checkpoint.write(path, {}, same | changed)
        assert (queue.set_aside(one) == "") == kept
        assert path.exists() == kept


LISTENING = 'trap "echo checkpoint; exit 130" TERM; echo training; while :; do sleep 0.1; done'
DEAF = "trap '' TERM; exec sleep 600"


def jobs_are(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a job be a small shell program."""
    monkeypatch.setattr(runs, "COMMAND", ["sh", "-c", script])


def test_a_budget_starts_only_what_is_expected_to_end(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    jobs_are(monkeypatch, "exit 0")
    assert queue.expected_seconds("smoke")[KEY] == registry.SECONDS["smoke"] + queue.START_SECONDS
    records.write(current(OTHER, seed=9, job_seconds=100.0))
    records.write(current(KEY, seed=9, job_seconds=5.0))
    expected = queue.expected_seconds("smoke")
    assert (expected[KEY], expected[OTHER]) == (15.0, 110.0)
    assert expected["table4/mnist/data"] == 110.0
    assert (
        main(
            [
                "reproduce",
                "table2/linear-regression",
                "--profile",
                "smoke",
                "--budget",
                "20s",
                "--device",
                "cpu",
            ]
        )
        == 0
    )
    said = capsys.readouterr().out
    assert said.count("started") == 1
    assert f"started   {KEY} smoke seed 0" in said
    assert "5 left, as they would not end within the budget: table2/linear-regression/grad smoke seed 0" in said


def test_the_end_of_the_budget_stops_a_job_at_a_checkpoint(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    jobs_are(monkeypatch, LISTENING)
    monkeypatch.setattr(queue, "expected_seconds", lambda profile: {KEY: 0.0})
    started = time.monotonic()
    report = queue.reproduce(wanted(KEY, "smoke"), 1, 2.0)
    assert time.monotonic() - started < 30
    assert [str(one) for one in report.runs["stopped"]] == [f"{KEY} smoke seed 0"]
    log = Run(KEY, "smoke", 0).log
    assert log.read_text().splitlines()[-2:] == ["training", "checkpoint"]


def test_a_job_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(queue, "expected_seconds", lambda profile: {KEY: 0.0})
    jobs_are(monkeypatch, DEAF)
    started = time.monotonic()
    report = queue.reproduce(wanted(KEY, "smoke"), 1, 2.0)
    assert len(report.runs["failed"]) == 1 and time.monotonic() - started < 60


def test_jobs_have_one_thread_each_and_as_many_run_as_requested(monkeypatch: pytest.MonkeyPatch, folders: Path) -> None:
    script = (
        "import os, pathlib, time; p = pathlib.Path(os.environ['IAI_RUNS']) / f'job{os.getpid()}';"
        "p.write_text(os.environ['OMP_NUM_THREADS']); time.sleep(0.5); n = len(list(p.parent.glob('job*')));"
        "time.sleep(0.5); p.rename(p.with_name(f'ended{n}-{os.getpid()}'))"
    )
    monkeypatch.setattr(runs, "COMMAND", [sys.executable, "-c", script])
    report = queue.reproduce(wanted("table2/linear-regression", "smoke"), 2, 600.0)
    ended = list((folders / "runs").glob("ended*"))
    assert len(report.runs["done"]) == len(ended) == 6
    assert {path.read_text() for path in ended} == {"1"}
    assert max(path.name[5] for path in ended) == "2"


def test_what_other_sources_computed_is_computed_again_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def noted(one: Run, command: list[str], seconds: float) -> executors.Job:
        started.append(command)
        raise ValueError("enough")

    records.write(current(sources_hash="old"))
    one = Run(key=KEY, profile="smoke", seed=0)
    assert (one.status(), one.status(renew=True)) == ("done", "stale")
    assert queue.reproduce([one], 1, 600.0, executor=noted).runs["left"] == []
    with pytest.raises(ValueError, match="enough"):
        queue.reproduce([one], 1, 600.0, executor=noted, renew=True)
    assert [command[-1] for command in started] == ["--renew"]
    records.write(current(sources_hash=records.sources_hash()))
    assert one.status(renew=True) == "done"


def test_an_error_of_our_own_lets_jobs_write_their_checkpoints(monkeypatch: pytest.MonkeyPatch, folders: Path) -> None:
    jobs_are(monkeypatch, LISTENING)
    one, log = wanted(KEY, "smoke")[0], folders / "runs" / "smoke" / KEY / "seed0.log"

    def look(job: executors.LocalJob) -> int | None:
        listens = log.exists() and log.read_text().endswith("training\n")
        if listens and job.stopped is None:
            raise OSError("the ledger is gone")
        return job.process.poll()

    monkeypatch.setattr(executors.LocalJob, "code", look)
    with pytest.raises(OSError, match="the ledger is gone"):
        queue.reproduce([one], 1, 600.0)
    assert log.read_text().splitlines()[-1] == "checkpoint"


def test_work_goes_on_when_nobody_reads_the_output(folders: Path) -> None:
    fake = Fake(folders, seconds=0.1)
    program = str(Path(__file__).parents[1] / "fake_cli.py")
    words = [
        "reproduce",
        "table2/linear-regression/*",
        "--profile",
        "smoke",
        "--device",
        "cpu",
        "--jobs",
        "2",
    ]
    command = [sys.executable, program, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, env=fake.env) as work:
        assert work.stdout and work.stderr
        work.stdout.read(1)
        work.stdout.close()
        assert work.stderr.read() == b""
    assert work.returncode == 0
    assert all(one.status() == "done" for one in wanted("table2/linear-regression/*", "smoke"))


def test_no_time_is_no_time() -> None:
    assert [queue.seconds(text) for text in ("", "0s", "90s", "1h30m")] == [float("inf"), 0, 90, 5400]


def test_a_failed_job_is_reported_and_not_tried_again(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    jobs_are(monkeypatch, "echo no luck; exit 1")
    assert main(["reproduce", KEY, "--profile", "smoke", "--device", "cpu"]) == 1
    said = capsys.readouterr().out
    assert "0 of 1 runs are in the ledger" in said
    assert f"1 failed: {KEY} smoke seed 0" in said
    assert said.count("started") == 1
    assert re.search(rf"failed    {KEY} smoke seed 0 after \d+ s: no luck \(all of it in ", said)


class Fake:
    """`tests/fake_cli.py` as processes over one ledger."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.env = os.environ | {
            "FAKE_NOTES": str(self.notes),
            "FAKE_SECONDS": str(seconds),
            "OMP_NUM_THREADS": "1",
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(__file__).parents[1] / "fake_cli.py"), *words]
        return subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def starts(self) -> list[str]:
        return sorted(path.name.rsplit("-", 1)[0] for path in self.notes.glob("start-*"))


def test_two_reproduce_at_once_never_do_a_run_twice(folders: Path) -> None:
    fake = Fake(folders, 1.0)
    words = (
        "reproduce",
        "table2/linear-regression/*data",
        "--profile",
        "smoke",
        "--seeds",
        "2",
        "--jobs",
        "2",
    )
    both = [fake.start(*words, "--device", "cpu") for _ in range(2)]
    said = [process.communicate(timeout=600)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len(fake.starts()) == len(set(fake.starts())) == 4
    assert all(one.status() == "done" for one in wanted("table2/linear-regression/*data", "smoke", 2))


@pytest.mark.parametrize(("words", "code"), [("list --profile smoke", 0), ("run nothing/of/the/kind", 2)])
def test_sigterm_after_a_command_ends_the_process_without_a_traceback(words: str, code: int) -> None:
    late = f"import os, signal, sys; from iai.study.cli import main; assert main({words.split()}) == {code}; "
    ended = subprocess.run(
        [sys.executable, "-c", late + "os.kill(os.getpid(), signal.SIGTERM)"], capture_output=True, text=True
    )
    assert ended.returncode == -signal.SIGTERM and "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (None, "interrupted; run the same command to go on"),
        (MachineError("another process has ended"), "another process has ended"),
    ],
)
def test_what_was_lost_is_reported_though_a_signal_comes_next(
    monkeypatch, capsys, error: Exception | None, line: str
) -> None:
    def matching(pattern: str) -> list[str]:
        try:
            raise error or KeyboardInterrupt
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(runs, "matching", matching)
    assert main(["list"]) == 130 and capsys.readouterr().err == f"iai: {line}\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_and_the_next_command_goes_on(folders: Path, number: int) -> None:
    fake = Fake(folders, 600.0)
    words = (
        "reproduce",
        "table2/linear-regression/*data",
        "--profile",
        "smoke",
        "--jobs",
        "2",
        "--device",
        "cpu",
    )
    first = fake.start(*words)
    while len(fake.starts()) < 2 and first.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    first.send_signal(number)
    said = first.communicate(timeout=600)[0]
    assert first.returncode == 130, said
    assert said.count("stopped  ") == 2
    assert len(list(fake.notes.glob("checkpoint-*"))) == 2
    assert [one.status() for one in wanted("table2/linear-regression/*data", "smoke")] == [
        "pending",
        "pending",
    ]
    assert list(records.root().glob("smoke/**/*.json")) == []
    again = fake.start(*words)
    assert "2 of 2 runs are in the ledger, 2 of them new" in again.communicate(timeout=600)[0]
    assert again.returncode == 0
