"""`python -m iai check`: each comparison sees what is broken on purpose, and the others go on."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from iai import experiment
from iai.study.cli import main
from iai.study.measure import check
from iai.tasks import LinearRegression, Stored
from iai.training import Checkpoint, TrainConfig, graph, loop
from iai.types import Batch, UserError

CPU = torch.device("cpu")


class Reading(LinearRegression):
    """A task that reads a number of its data on the host."""

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        drawn = super().sample(generator, tasks, points)
        assert drawn.x.sum().item() < float("inf")
        return drawn


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One check of each comparison that ends at once, and one that a CPU cannot make."""
    chosen = {
        "training": partial(check.same_training, "implicit", "causal", "data"),
        "draws": partial(check.draws, LinearRegression()),
        "captured": partial(check.pace, "captured"),
    }
    monkeypatch.setattr(check, "checks", lambda: chosen)
    monkeypatch.setenv("IAI_RESULTS", str(tmp_path / "ledger"))


def found(tmp_path: Path, code: int) -> dict[str, Any]:
    """The report of a command that exits with a code."""
    assert main(["check", "--device", "cpu", "--json", f"{tmp_path}/report.json"]) == code
    return json.loads((tmp_path / "report.json").read_text())


def test_a_report_has_a_line_a_check_and_a_verdict_and_leaves_the_ledger_alone(tmp_path: Path, capsys) -> None:
    report = found(tmp_path, 0)
    assert [(one["name"], one["outcome"], one["detail"]) for one in report["checks"]] == [
        ("training", "ok", "to the last bit"),
        ("draws", "ok", "on tensors without content"),
        ("captured", "not applicable", "needs CUDA"),
    ]
    assert report["verdict"] == "right" and {"torch", "python", "cpu", "threads", "commit"} <= set(report["machine"])
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 5 and torch.__version__ in said[0] and said[-1] == "all that applies is right"
    assert not (tmp_path / "ledger").exists()


def other_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "learning_rate", lambda config, update: config.lr)


def lost_position(monkeypatch: pytest.MonkeyPatch) -> None:
    restore = Checkpoint.restore

    def forgetful(self: Checkpoint, *arguments: Any) -> Any:
        progress = restore(self, *arguments)
        progress.rollout = 0
        return progress

    monkeypatch.setattr(Checkpoint, "restore", forgetful)


def never_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "Stopping", Checkpoint)


@pytest.mark.parametrize(
    ("broken", "reason"), [(other_rates, "captured is "), (lost_position, "resumed is "), (never_stopped, "went on")]
)
def test_a_training_that_is_not_the_same_is_wrong(
    monkeypatch, tmp_path: Path, capsys, broken: Any, reason: str
) -> None:
    broken(monkeypatch)
    report = found(tmp_path, 1)
    assert [one["outcome"] for one in report["checks"]] == ["wrong", "ok", "not applicable"]
    assert reason in report["checks"][0]["detail"] and report["verdict"] == "wrong"
    assert capsys.readouterr().out.splitlines()[-1] == "WRONG: training"


def test_a_draw_that_is_read_by_the_host_is_wrong(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "checks", lambda: {"draws": partial(check.draws, Reading()), "none": lambda where: "x"})
    assert [one["outcome"] for one in found(tmp_path, 1)["checks"]] == ["wrong", "ok"]


def test_precision_is_compared_by_what_is_learned(monkeypatch) -> None:
    assert "losses of" in check.bfloat16(CPU)
    original = loop.autocast

    def coarse(config: TrainConfig, device: torch.device) -> torch.autocast:
        assert config.precision == "float32", "bfloat16 is tried"
        return original(config, device)

    monkeypatch.setattr(loop, "autocast", coarse)
    with pytest.raises(AssertionError, match="bfloat16 is tried"):
        check.bfloat16(CPU)
    with pytest.raises(AssertionError, match="the loss in bfloat16 is 0.5 away"):
        check.agree(torch.tensor([1.5]), torch.tensor([1.0]), "bfloat16", "the loss in bfloat16")
    with pytest.raises(AssertionError, match="nan"):
        check.agree(torch.tensor([torch.nan]), torch.tensor([1.0]), "bfloat16", "")


def test_without_a_compiler_compiled_updates_do_not_apply(monkeypatch) -> None:
    def compiler(*arguments: Any) -> None:
        raise RuntimeError("No working C++ compiler found\nand more")

    check.measured.cache_clear()
    monkeypatch.setattr(torch.nn.Module, "compile", compiler)
    with pytest.raises(check.NotApplicable, match="No working C\\+\\+ compiler found$"):
        check.pace("compiled", CPU)
    assert float(check.pace("eager", CPU)) > 0
    assert "TFLOP/s" in check.load(CPU) and "MB of" in check.load(CPU)
    check.measured.cache_clear()


def test_data_sets_are_found_missing_or_damaged(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IAI_DATA", str(tmp_path))
    with pytest.raises(check.NotApplicable):
        check.data_sets(CPU)
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "mine.npz").write_bytes(b"cut")
    with pytest.raises(UserError, match="mine.npz"):
        check.data_sets(CPU)


def test_every_task_regime_mask_and_signal_is_checked(monkeypatch) -> None:
    monkeypatch.undo()
    names = [name for name in check.checks() if name.startswith("captured = eager")]
    assert len(names) == 14 and "captured = eager = resumed: explicit, causal, grad+data" in names
    assert {type(task) for task in check.TASKS} == {*experiment.TASKS} - {Stored}
