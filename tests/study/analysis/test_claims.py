"""A claim's verdict is computed from the ledger: all tests hold, some do, none does, or something is missing."""

from pathlib import Path

import pytest
from example_record import KEY, SET, record

from iai.study.analysis.claims import FILE, Claim, Comparison, Gain, claims
from iai.study.analysis.references import Reference
from iai.study.cli import main
from iai.study.ledger import records
from iai.types import UserError

OTHER = "table2/linear-regression/grad"


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path))
    return tmp_path


def seeds(key: str, factors: tuple[float, ...]) -> None:
    """Three runs whose errors are those of the example, each times a factor."""
    for seed, factor in enumerate(factors):
        one = record(key, seed)
        series = one["metrics"][SET]["mse"]
        series["mean"] = [factor * value for value in series["mean"]]
        records.write(one)


def claim(*tests: Comparison | Gain) -> Claim:
    words = dict.fromkeys(("name", "text", "where", "figure", "grade", "believed"), "")
    return Claim(**words, profile=None, tests=tests)


def below(limit: float) -> Comparison:
    return Comparison(first=f"{KEY}:{SET}:mse:5", second=f"{OTHER}:{SET}:mse:5", at_most=limit)


def test_the_interval_of_the_ratio_decides() -> None:
    seeds(KEY, (0.50, 0.51, 0.52))
    assert below(1.0).outcome("cpu") == "pending"
    seeds(OTHER, (1.0, 1.0, 1.0))
    assert below(0.6).found("cpu").mean == pytest.approx(0.51)
    low, high = below(0.6).found("cpu").interval
    assert [below(limit).outcome("cpu") for limit in (high, (low + high) / 2, low - 1e-9)] == [
        "holds",
        "open",
        "fails",
    ]
    assert below(0.6).shown("cpu") == f"0.51 ({low:.3g} to {high:.3g})"


def test_two_limits_hold_a_ratio_from_both_sides() -> None:
    """That a ratio of one half is at most 1.1 says nothing of its being about one."""
    seeds(KEY, (0.50, 0.51, 0.52))
    seeds(OTHER, (1.0, 1.0, 1.0))
    tests = [
        Comparison(first=f"{KEY}:{SET}:mse:5", second=f"{OTHER}:{SET}:mse:5", at_most=1.1, at_least=least)
        for least in (0.3, 0.51, 0.9)
    ]
    assert [test.outcome("cpu") for test in tests] == ["holds", "open", "fails"]
    assert str(tests[0]).startswith("0.3 ≤ ")


def test_a_number_is_held_to_a_limit() -> None:
    seeds(KEY, (1.0, 1.0, 1.0))  # errors of seeds after five steps: 1/6, 2/6, 3/6
    test = Comparison(first=f"{KEY}:{SET}:mse:5", at_most=10.0)
    assert test.found("cpu").mean == pytest.approx(1 / 3) and test.outcome("cpu") == "holds"


@pytest.mark.parametrize(
    ("limits", "verdict", "counts"),
    [
        ((1.0, 0.9), "reproduced", "2 hold"),
        ((1.0, 0.1), "partly", "1 holds, 1 fails"),
        ((0.1, 0.2), "not reproduced", "2 fail"),
        ((0.51, 0.51), "partly", "2 open"),
        ((0.51, 0.1), "not reproduced", "1 open, 1 fails"),
        ((), "not yet run", "no test yet"),
    ],
)
def test_a_verdict_is_computed(limits: tuple[float, ...], verdict: str, counts: str) -> None:
    seeds(KEY, (0.50, 0.51, 0.52))
    seeds(OTHER, (1.0, 1.0, 1.0))
    found = claim(*map(below, limits))
    assert (found.verdict("cpu"), found.counts("cpu")) == (verdict, counts)


def test_what_is_missing_is_not_yet_run() -> None:
    seeds(KEY, (0.50, 0.51, 0.52))
    held = Comparison(first=f"{KEY}:{SET}:mse:5", at_most=10.0)
    assert claim(held).verdict("cpu") == "reproduced"
    assert claim(held, below(1.0)).verdict("cpu") == "not yet run"


def test_the_file_names_only_what_runs_can_have() -> None:
    found = claims()
    assert len({one.name for one in found}) == len(found) > 12
    for one in found:
        for test in one.tests:
            if isinstance(test, Comparison):
                for text in filter(None, (test.first, test.second)):
                    Reference.parse(text, one.profile or "cpu").look_up()


def test_a_claim_says_all_and_only_what_is_asked(tmp_path: Path) -> None:
    path, whole = tmp_path / "claims.toml", FILE.read_text()
    path.write_text(whole.replace('believed = "', 'beleived = "', 1))
    with pytest.raises(UserError, match="did you mean believed"):
        claims(path)
    path = tmp_path / "other.toml"
    path.write_text(whole.replace('grade = "S, N"\n', "", 1))
    with pytest.raises(UserError, match="claim steps-parametric has no text 'grade'"):
        claims(path)


def test_the_command_prints_verdicts_and_tests(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(claims()) and all(line.startswith("not yet run") for line in lines)
    assert main(["claims", "transfer-24"]) == 0
    assert "pending pending: table4/mnist/data:fashion-mnist:error:10 ≤ 0.7586 ×" in capsys.readouterr().out
    assert main(["claims", "transfer-42"]) == 2
    assert "did you mean transfer-24" in capsys.readouterr().err


def test_a_metric_by_points_is_named_by_a_size_that_is_evaluated() -> None:
    """The number after the metric counts points of a first mini-batch, not steps."""
    key = "mask/mnist/causal"
    Reference.parse(f"{key}:mnist:error_by_points:16", "cpu").look_up()
    with pytest.raises(UserError, match="after 1, 4, 8, 12, 16, 20, 24, 28, 32 points, not after 3"):
        Reference.parse(f"{key}:mnist:error_by_points:3", "cpu").look_up()
    with pytest.raises(UserError, match="unknown metric"):
        Reference.parse("table4/mnist/data:mnist:error_by_points:16", "cpu").look_up()
