"""The cost of passes: operations as PyTorch counts them, memory as it is known, and answers in place of crashes."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from iai.study.measure import passes
from iai.study.measure.meter import peak_bytes
from iai.study.measure.passes import (
    Case,
    flops,
    measure,
    needed_bytes,
    workload,
)
from iai.types import UserError

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {"width": 16, "depth": 2, "heads": 2, "dimension": 3}
KINDS = [("parametric", "data"), ("parametric", "grad"), ("parametric", "grad+data"), ("implicit", "data")]


@pytest.mark.parametrize(("regime", "signal"), KINDS)
@pytest.mark.parametrize("k", [1, 5])
def test_operations_are_those_that_pytorch_counts(regime: str, signal: str, k: int) -> None:
    case = Case(points=200, passes=k, regime=regime, signal=signal, queries=7, attention="materialised", **SMALL)
    work = workload(case, CPU)
    with FlopCounterMode(display=False) as counter:
        work()
    assert flops(case) == pytest.approx(counter.get_total_flops(), rel=0.01)


@pytest.mark.parametrize(("n", "textbook"), [(1_000, 1.55), (10_000, 4.5), (60_000, 8.2)])
@pytest.mark.parametrize("depth", [2, 4])
def test_operations_have_the_textbook_ratio_but_for_the_last_block(n: int, textbook: float, depth: int) -> None:
    """(6 d + N) / (6 d + N / k) at d = 256, k = 10, of all blocks but the last, which has keys and values: 1.5 d.

    The slot and the encoders add little.
    """
    one, ten = (flops(Case(points=n, passes=passes, width=256, heads=4, depth=depth)) for passes in (1, 10))
    each = [(depth - 1) * (6 * 256 + seen) + 1.5 * 256 for seen in (n, n / 10)]
    assert one / ten == pytest.approx(each[0] / each[1], rel=0.02)
    assert (6 * 256 + n) / (6 * 256 + n / 10) == pytest.approx(textbook, abs=0.05)
    assert textbook - 0.6 / (depth - 1) < one / ten < textbook + 0.05


def test_queries_fed_again_cost_more_than_iterating_saves() -> None:
    """Three blocks cost (6 d + T) T for T tokens a pass, the last 1.5 d T + 4.5 d Q + Q T, of which Q are read.

    T is 2 N in one pass and 1.1 N in ten, Q = N. Were queries shown the N / k points alone, it would be more.
    """
    shape = {"points": 1000, "regime": "implicit", "queries": 1000, "width": 256, "depth": 4, "heads": 4}
    assert flops(Case(**shape)) / flops(Case(**shape, passes=10)) == pytest.approx(0.221, abs=0.002)


def test_peak_bytes_are_those_there_at_once() -> None:
    before = torch.ones(1000)

    def work() -> None:
        first = torch.cat([before] * 3)  # 12000
        second = torch.cat([first] * 2)  # and 24000
        del first
        second.clone()  # and, without the first, 24000

    assert peak_bytes(work) == 48000


@pytest.mark.parametrize("attention", ["fused", "materialised"])
@pytest.mark.parametrize("regime", ["parametric", "implicit"])
def test_memory_is_foreseen(regime: str, attention: str) -> None:
    case = Case(points=1500, regime=regime, queries=20, attention=attention)
    assert needed_bytes(case) == pytest.approx(peak_bytes(workload(case, CPU)), rel=0.25)


def test_both_kinds_of_attention_answer_alike() -> None:
    values = []
    for attention in ("fused", "materialised"):
        case = Case(points=60, passes=3, regime="implicit", queries=5, attention=attention, **SMALL)
        values.append(workload(case, CPU)().value)
    torch.testing.assert_close(*values)


def test_a_case_is_measured_as_plain_data() -> None:
    record = measure(Case(points=50, passes=5, **SMALL), repeats=4)
    assert json.loads(json.dumps(record)) == record
    assert record["reason"] is None
    assert record["kernel_ms"] > 0 and record["peak_bytes"] > 0
    assert 3 <= record["eager_ms"]["repeats"] <= 4


def test_what_does_not_fit_is_answered_with_size_and_remedy() -> None:
    case = Case(points=60_000, attention="materialised")
    record = measure(case, limit=10**9)
    assert "points=60000" in record["reason"] and "60001 x 60001" in record["reason"]
    assert "raise passes" in record["reason"] and "attention='fused'" in record["reason"]
    assert record["flops"] > 0 and record["eager_ms"] is None


def failing(error: Exception) -> Callable[..., Any]:
    """A workload that cannot be made."""

    def fail(*_: object) -> None:
        raise error

    return fail


def test_memory_that_an_allocator_refuses_is_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "workload", failing(torch.OutOfMemoryError("CUDA out of memory")))
    assert "lower points" in measure(Case(points=100))["reason"]
    monkeypatch.setattr(passes, "workload", lambda *_: lambda: torch.empty(2**50))
    assert "points=100 " in measure(Case(points=100))["reason"]
    monkeypatch.setattr(passes, "workload", failing(RuntimeError("something else")))
    with pytest.raises(RuntimeError, match="something else"):
        measure(Case(points=100))


def test_unequal_passes_are_told_with_their_fix() -> None:
    with pytest.raises(UserError, match="divisor of 100"):
        Case(points=100, passes=3)
