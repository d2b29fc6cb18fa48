"""A claim's verdict is computed from the ledger: a primary test, others that Holm's procedure decides, and a gate."""

from pathlib import Path
from typing import Any

import pytest
from example_record import KEY, SET, arm

from iai.study.analysis import claims as module
from iai.study.analysis import gate
from iai.study.analysis.claims import FILE, Claim, Comparison, Evidence, Gain, claims, holm
from iai.study.analysis.references import Reference
from iai.study.cli import main
from iai.study.ledger import records
from iai.types import UserError

OTHER, THIRD = "table2/linear-regression/grad", "table2/linear-regression/grad+data"
REFERENCE = {key: f"{key}:{SET}:mse:5" for key in (KEY, OTHER, THIRD)}


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger in which training for longer changes nothing."""
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path))
    monkeypatch.setattr(gate, "doubled", lambda key: key)
    return tmp_path


def seeds(key: str, factors: tuple[float, ...]) -> None:
    """Runs whose errors are the example's, each times a factor."""
    for seed, factor in enumerate(factors):
        records.write(arm(key, seed, factor))


def claim(*tests: Comparison | Gain, profile: str | None = None) -> Claim:
    words = dict.fromkeys(("name", "text", "where", "figure", "grade", "believed"), "")
    return Claim(**words, profile=profile, tests=tests)


def below(*rivals: str, **how: Any) -> Comparison:
    return Comparison(first=REFERENCE[KEY], rivals=tuple(REFERENCE[key] for key in rivals or (OTHER,)), **how)


def outcome(test: Comparison) -> str:
    return claim(test).judged("small").outcomes[0]


def test_the_interval_of_the_ratio_decides() -> None:
    seeds(KEY, (0.50, 0.51, 0.52))
    assert outcome(below()) == "pending"
    seeds(OTHER, (1.0, 1.0, 1.0))
    assert outcome(below()) == "holds"
    assert [outcome(below(limit=limit)) for limit in (0.6, 0.511, 0.4)] == ["holds", "fails", "fails"]
    assert claim(below()).judged("small").results[0][1] == "0.51 [0.486, 0.535] over seeds alone"
    seeds(OTHER, (0.5, 1.0, 0.6))
    assert outcome(below()) == "open"


def test_equal_results_deny_that_one_is_below() -> None:
    seeds(KEY, (1.000, 1.001, 0.999))
    seeds(OTHER, (1.0, 1.0, 1.0))
    assert (outcome(below()), outcome(below(equals=1.0))) == ("fails", "holds")


@pytest.mark.parametrize(
    ("equals", "margin", "said"), [(0.51, 1.1, "holds"), (0.5, 1.05, "open"), (0.7586, 1.1, "fails")]
)
def test_a_figure_of_the_paper_is_held_to_a_margin_on_both_sides(equals: float, margin: float, said: str) -> None:
    """That a ratio of one half is at most 0.7586 says nothing of its being about 0.7586."""
    seeds(KEY, (0.50, 0.51, 0.52))
    seeds(OTHER, (1.0, 1.0, 1.0))
    assert outcome(below(equals=equals, margin=margin)) == said


def test_a_level_is_compared_with_a_number() -> None:
    seeds(KEY, (1.0, 1.01, 0.99))
    assert outcome(Comparison(first=REFERENCE[KEY], equals=1 / 6, margin=1.3)) == "holds"
    share = Comparison(first=REFERENCE[KEY], rivals=(f"{KEY}:{SET}:mean/mse:0",), equals=1 / 12, margin=1.1)
    assert outcome(share) == "holds"


def test_the_best_beats_every_rival() -> None:
    seeds(KEY, (0.50, 0.51, 0.52))
    seeds(OTHER, (1.0, 1.0, 1.0))
    seeds(THIRD, (0.51, 0.50, 0.53))
    both = below(OTHER, THIRD)
    assert (outcome(below(OTHER)), outcome(both)) == ("holds", "open")
    assert claim(both).judged("small").results[0][1].startswith("0.994"), "the nearest rival is shown"
    seeds(THIRD, (0.9, 0.9, 0.9))
    assert outcome(both) == "holds"
    seeds(THIRD, (0.4, 0.4, 0.4))
    assert outcome(both) == "fails"


def test_a_result_that_is_not_finite_is_not_pending() -> None:
    seeds(KEY, (0.5, 0.5))
    seeds(OTHER, (1.0, 0.0))
    assert claim(below()).judged("small").results == [
        ("not testable", "a ratio needs results that are finite and above zero")
    ]


def test_one_seed_decides_nothing() -> None:
    seeds(KEY, (0.5,))
    seeds(OTHER, (1.0,))
    assert outcome(below()) == "open"


def test_what_fails_the_gate_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds(KEY, (0.50, 0.51, 0.52))
    seeds(OTHER, (1.0, 1.0, 1.0))
    monkeypatch.setattr(gate, "doubled", lambda key: None)
    assert outcome(below()) == "not testable"
    assert claim(below()).judged("small").results[0][1].startswith("no doubled budget yet; 0.51 [")
    assert claim(below()).judged("small").verdict == "not testable"
    figures = {0.3: "not testable", 0.51: "holds", 0.7586: "not testable"}
    assert {one: outcome(below(equals=one, margin=1.1)) for one in figures} == figures, "more training may help"
    later = Comparison(first=f"{KEY}:{SET}:mse:20", rivals=(f"{OTHER}:{SET}:mse:20",), equals=0.51)
    assert "trained on 10 steps" in claim(later).judged("small").results[0][1]
    assert outcome(Comparison(**{**vars(later), "beyond": True, "margin": 1.1})) == "holds"


class Known(Gain):
    """A test that holds with the p-value `attention`, or has that outcome."""

    def evidence(self, profile: str) -> Evidence:
        if self.attention in ("not testable", "pending"):
            return Evidence("", blocked=self.attention)  # type: ignore[arg-type]
        if self.attention[0] == "0":
            return Evidence("", float(self.attention))
        return Evidence("", float(self.attention != "holds"), float(self.attention != "fails"))


def known(*outcomes: str) -> Claim:
    return claim(*(Known(attention=said, passes=10, equals=10.0, margin=1.25) for said in outcomes))


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ("h", "supported"),
        ("h hhh", "supported"),
        ("h hhf", "supported with exceptions"),
        ("h hho", "supported with exceptions"),
        ("h hof", "mixed"),
        ("h tpp", "supported"),
        ("h hhftp", "supported with exceptions"),
        ("o hhh", "inconclusive"),
        ("f", "contradicted"),
        ("f fff", "contradicted"),
        ("f oho", "contradicted"),
        ("f hhf", "mixed"),
        ("t hhh", "not testable"),
        ("p hhh", "not run"),
    ],
)
def test_a_verdict_is_that_of_the_primary_test_and_of_most_others(outcomes: str, verdict: str) -> None:
    words = {one[0]: one for one in ("holds", "open", "fails", "pending")} | {"t": "not testable"}
    assert known(*(words[letter] for letter in outcomes.replace(" ", ""))).judged("small").verdict == verdict


def test_counts_are_always_of_all_three() -> None:
    found = known("holds", "holds", "fails", "not testable", "pending", "pending")
    assert found.judged("small").counts == "2 holds / 0 open / 1 fails, 1 not testable, 2 pending"


def test_further_tests_are_decided_together() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]

    assert known("0.04", "0.04", "0.02").judged("small").outcomes == ["holds", "holds", "holds"]
    said = ["holds", "open", "open"]
    assert known("0.04", "0.04", "0.03").judged("small").outcomes == said, "the primary one stands for itself"


def gains(monkeypatch: pytest.MonkeyPatch, **points: float) -> None:
    """Ten passes over so many points take so many times less than one."""
    cells = []
    for name, gain in points.items():
        for k in (1, 10):
            case = {"points": int(name[1:]), "passes": k, "regime": "parametric", "signal": "data", "queries": 64}
            case |= {"attention": "fused", "width": 64, "depth": 2, "heads": 2, "dimension": 10, "flops": 1}
            case |= {"reason": None if gain else "too large", "kernel_ms": None, "peak_bytes": 8}
            cells.append(case | {"eager_ms": {"median": gain if k == 1 else 1.0}})
    monkeypatch.setattr(module.records, "measured", lambda name: {"cells": cells})


def test_a_gain_is_judged_at_the_sizes_that_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large gain at 16,000 points says nothing of 1,000 or of 60,000."""
    gains(monkeypatch, n100=0.4, n1000=1.3, n16000=10.0, n60000=9.0, n100000=0.0)
    here, there = (
        Gain(attention="fused", passes=10, equals=10.0, margin=1.25, **ends)
        for ends in ({"most": 1000}, {"least": 60_000})
    )
    assert claim(here, there).judged("small").results == [("fails", "0.4 to 1.3"), ("holds", "9")]
    some = Gain(attention="fused", passes=10, equals=10.0, margin=1.25, least=1000)
    none = Gain(attention="fused", passes=10, equals=10.0, margin=1.25, least=100_000)
    assert claim(some, none).judged("small").outcomes == ["open", "not testable"]
    assert "at most 1,000 points" in str(here) and "60,000 points or more" in str(there)
    monkeypatch.setattr(module.records, "measured", lambda name: None)
    assert claim(here).judged("small").verdict == "not run"


def test_a_test_is_printed_as_family_signal_and_k() -> None:
    assert str(below(OTHER, THIRD)) == "table2/linear-regression, data, k = 5 over grad; grad+data"
    steps = Comparison(
        first="table4/mnist/data:fashion-mnist:error:10", rivals=("table4/mnist/data:fashion-mnist:error:1",)
    )
    assert str(steps) == "table4/mnist, on fashion-mnist, data, k = 10 over k = 1"
    share = Comparison(first=REFERENCE[KEY], rivals=(f"{KEY}:{SET}:mean/mse:0",), equals=0.005, margin=1.25)
    assert str(share) == "table2/linear-regression, data, k = 5 over mean, k = 0 = 0.005 within a factor 1.25"
    assert str(below(limit=0.5)).endswith("over grad < 0.5")


@pytest.mark.parametrize("profile", ["small", "paper"])
def test_the_file_names_only_what_runs_can_have(profile: str) -> None:
    found = claims()
    assert len({one.name for one in found}) == len(found) > 12
    for one in found:
        assert len(one.tests) == len(set(one.tests))
        for test in one.tests:
            if isinstance(test, Comparison):
                for text in (test.first, *test.rivals):
                    Reference.parse(text, one.profile or profile).look_up()


def test_figures_of_the_paper_are_judged_at_its_scale() -> None:
    figures = {
        one.name for one in claims() if isinstance(one.tests[0], Comparison) and one.tests[0].equals not in (None, 1.0)
    }
    assert figures == {one.name for one in claims() if one.profile == "paper"} == {"regression-51", "transfer-24"}


def test_a_claim_says_all_and_only_what_is_asked(tmp_path: Path) -> None:
    whole = FILE.read_text()
    for i, (old, new, words) in enumerate(
        [
            ('believed = "', 'beleived = "', "did you mean believed"),
            ('grade = "S, N"\n', "", "claim steps-parametric has no text 'grade'"),
            ("[claim.primary]", "[[claim.test]]", "claim steps-parametric needs one primary test"),
            ("equals = ", "equal = ", "did you mean equals"),
        ]
    ):
        path = tmp_path / f"{i}.toml"
        path.write_text(whole.replace(old, new, 1))
        with pytest.raises(UserError, match=words):
            claims(path)


def test_the_command_prints_verdicts_and_tests(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["claims"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(claims()) and all(line.startswith("not run") for line in lines)
    assert lines[0].endswith("(0 holds / 0 open / 0 fails, 30 pending; small)")
    assert main(["claims", "transfer-24"]) == 0
    shown = "pending      table4/mnist, on fashion-mnist, data, k = 10 over k = 1 = 0.7586 within a factor 1.1, no"
    assert shown in capsys.readouterr().out
    assert main(["claims", "transfer-42"]) == 2
    assert "did you mean transfer-24" in capsys.readouterr().err


def test_a_metric_by_points_is_named_by_a_size_that_is_evaluated() -> None:
    """The number after the metric counts points of a first mini-batch, not steps."""
    key = "mask/mnist/causal"
    Reference.parse(f"{key}:mnist:error_by_points:16", "small").look_up()
    with pytest.raises(UserError, match="after 1, 4, 8, 12, 16, 20, 24, 28, 32 points, not after 3"):
        Reference.parse(f"{key}:mnist:error_by_points:3", "small").look_up()
    with pytest.raises(UserError, match="unknown metric"):
        Reference.parse("table4/mnist/data:mnist:error_by_points:16", "small").look_up()
