"""What all learned baselines share with the classical ones, and that each of them learns and survives JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from small import answers_degenerate_sizes, answers_on_the_device_of_the_data

from iai.baselines import learned as rivals
from iai.baselines.learned import AttentiveCNPConfig, LearnedBaseline, LearnedBaselineConfig
from iai.baselines.learned.processes import AttentiveCNP
from iai.baselines.learned.stepwise import Stepwise
from iai.evaluation import EvaluationConfig, evaluate
from iai.experiment import BaselineExperiment, build, from_json, to_json
from iai.study.jobs.run import evaluated_steps, fit, judged
from iai.tasks import CausalOrder, Images, LinearRegression, episode
from iai.training import EndToEnd, TrainConfig
from iai.types import Batch, Task, UserError

TASKS = {
    "linear-regression": LinearRegression(dimension=3),
    "images": Images(projection=8, ways=4, source="sample"),
}
CONFIGS: dict[str, LearnedBaselineConfig] = {
    "maml": rivals.MAMLConfig(rate=0.2),
    "first-order": rivals.MAMLConfig(rate=0.2, first_order=True),
    "attentive-cnp": rivals.AttentiveCNPConfig(width=16, heads=2),
    "lstm": rivals.LSTMConfig(width=8),
}
EVERY = [(name, task) for name in CONFIGS for task in TASKS]


def contest(name: str, task: Task, **training: float) -> BaselineExperiment:
    return BaselineExperiment(
        learner=CONFIGS[name],
        objective=EndToEnd(task=task, tasks=16, steps=4, points=6, queries=8, all_steps=name == "lstm"),
        evaluation_sets={"same": task},
        evaluation=EvaluationConfig(tasks=64, steps=4, points=6, queries=8),
        train=TrainConfig(**{"updates": 4, "warmup": 1, "lr": 0.01} | training),
    )


@torch.no_grad()
def awake(name: str, task: str) -> LearnedBaseline:
    """A rival of random weights: no equation holds for free."""
    rival = build(contest(name, TASKS[task]))
    generator = torch.Generator().manual_seed(3)
    for weight in rival.parameters():
        if weight.dim():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    return rival


def drawn(task: str) -> tuple[list[Batch], Batch]:
    return episode(TASKS[task], torch.Generator().manual_seed(5), 3, 3, 6, 9)


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize(("name", "task"), EVERY)
def test_predictions_have_the_shape_of_the_targets(name: str, task: str, steps: int) -> None:
    batches, queries = drawn(task)
    y_hat = awake(name, task)(batches[:steps], queries.x)
    assert y_hat.shape == queries.y.shape and y_hat.dtype == queries.y.dtype and y_hat.isfinite().all()


@pytest.mark.parametrize(("name", "task"), EVERY)
def test_rows_queries_and_tasks_are_what_they_are_whoever_is_beside_them(name: str, task: str) -> None:
    batches, queries = drawn(task)
    rival = awake(name, task)
    expected = rival(batches, queries.x)
    shuffled = [Batch(b.x.flip(1), b.y.flip(1)) for b in batches]
    torch.testing.assert_close(rival(shuffled, queries.x), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(rival(batches, queries.x[:, 2:4]), expected[:, 2:4], atol=1e-4, rtol=1e-4)
    alone = rival([b.tasks(slice(1)) for b in batches], queries.x[:1])
    torch.testing.assert_close(alone, expected[:1], atol=1e-4, rtol=1e-4)
    fewer = rival(batches[:1], queries.x)
    assert not torch.allclose(fewer, expected, atol=1e-4)  # and the data are read


@pytest.mark.parametrize(("name", "task"), EVERY)
def test_degenerate_sizes_and_any_default_device_are_answered(name: str, task: str) -> None:
    answers_degenerate_sizes(awake(name, task), *drawn(task))
    answers_on_the_device_of_the_data(awake(name, task), *drawn(task))


@dataclass(frozen=True, kw_only=True)
class Shifted(LinearRegression):
    """Weights around 1, so that there is a start to learn."""

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        plain = super().sample(generator, tasks, points)
        return Batch(plain.x, plain.y + plain.x.sum(-1, keepdim=True))


@pytest.mark.parametrize("name", CONFIGS)
def test_training_lowers_the_error(name: str) -> None:
    """After one mini-batch, and of the loss after none where there is a start to learn."""
    chosen = contest(name, Shifted(dimension=3), updates=100, warmup=5, lr=0.02)
    after, _ = fit(chosen, show=False)
    curves = [judged(model, chosen.task, chosen.evaluation)["loss"]["mean"] for model in (build(chosen), after)]
    assert curves[1][1] < 0.9 * curves[0][1]
    assert curves[1][4] < 0.9 * curves[1][0]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_contest_survives_json(name: str) -> None:
    chosen = contest(name, TASKS["images"])
    assert from_json(json.loads(json.dumps(to_json(chosen)))) == chosen


@pytest.mark.parametrize("name", CONFIGS)
def test_a_known_likelihood_is_asked_for_where_it_is_needed(name: str) -> None:
    task = CausalOrder(nodes=4)
    if name == "attentive-cnp":
        assert rivals.make(CONFIGS[name], task).task == task
    else:
        with pytest.raises(UserError, match="no known decode: choose an attentive CNP"):
            rivals.make(CONFIGS[name], task)


@pytest.mark.parametrize("name", ["maml", "lstm"])
def test_one_path_gives_what_starting_afresh_does(name: str) -> None:
    rival, task = awake(name, "images"), TASKS["images"]
    assert isinstance(rival, Stepwise)
    config = EvaluationConfig(tasks=4, steps=3, points=6, queries=8)
    along, afresh = evaluate(rival, task, config), evaluate(rival, task, config, range(config.steps + 1))
    torch.testing.assert_close(along["loss"]["mean"], afresh["loss"]["mean"])


def test_learners_that_start_afresh_are_asked_at_few_steps_and_at_the_last() -> None:
    config = EvaluationConfig(tasks=4, steps=8, points=6, queries=8)
    cnp, maml = awake("attentive-cnp", "images"), awake("maml", "images")
    assert evaluated_steps(cnp, replace(config, steps=20)) == [0, 1, 2, 5, 10, 20]
    assert evaluated_steps(maml, config) == [*range(9)]
    curve = judged(cnp, TASKS["images"], config)["error"]["mean"]
    assert [k for k, value in enumerate(curve) if value is not None] == evaluated_steps(cnp, config)


def test_the_number_of_mini_batches_is_uniform_unless_all_are_wanted() -> None:
    class Counting(AttentiveCNP):
        def training_loss(self, batches: Sequence[Batch], queries: Batch) -> torch.Tensor:
            return torch.tensor(float(len(batches)))

    rival = Counting(AttentiveCNPConfig(width=4, heads=2), TASKS["linear-regression"])
    whole = contest("attentive-cnp", TASKS["linear-regression"]).objective
    generator = torch.Generator().manual_seed(0)
    counts = [int(next(whole(rival, generator))) for _ in range(200)]
    assert set(counts) == {1, 2, 3, 4} and abs(sum(counts) / 200 - 2.5) < 0.25
    assert {int(next(replace(whole, all_steps=True)(rival, generator))) for _ in range(9)} == {4}
