"""The instances of chapter 1 are what they are called."""

from collections.abc import Callable

import formulas
import pytest
import torch
from formulas import Formula, InContext, PromptTuning
from torch.func import vmap

from iai.baselines.classical import Descent, Planet
from iai.evaluation import EvaluationConfig
from iai.losses import squared_error
from iai.tasks import Gravity, episode
from iai.training import TrainConfig, train
from iai.types import Batch

TASK = Gravity()
MADE: dict[str, Callable[[], Formula]] = {
    "SGD": lambda: formulas.SGD(TASK),
    "MAML": lambda: formulas.MAML(TASK),
    "LearnedOptimizer": lambda: formulas.LearnedOptimizer(TASK),
    "HyperNetwork": lambda: formulas.HyperNetwork(TASK),
    "NeuralProcess": lambda: formulas.NeuralProcess(TASK),
    "InContext": lambda: InContext(TASK),
    "PromptTuning": lambda: PromptTuning(InContext(TASK), passes=2),
}
LEARNED = ("MAML", "LearnedOptimizer", "HyperNetwork", "NeuralProcess", "InContext")


@pytest.fixture(params=MADE)
def learner(request: pytest.FixtureRequest) -> Formula:
    torch.manual_seed(0)
    return MADE[request.param]().eval()


def drawn(tasks: int = 3, steps: int = 3) -> tuple[list[Batch], Batch]:
    return episode(TASK, torch.Generator().manual_seed(1), tasks, steps, 5, 7)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_it_predicts_after_any_number_of_batches(learner: Formula, steps: int) -> None:
    batches, queries = drawn()
    with torch.no_grad():
        y_hat = learner(batches[:steps], queries.x)
    assert y_hat.shape == queries.y.shape
    assert y_hat.isfinite().all()


@torch.no_grad()
def test_it_is_the_formula(learner: Formula) -> None:
    """g answers without a query, and nothing of a task reaches f on another way: one g serves any queries."""
    batches, queries = drawn()
    adapted = learner.g(batches)
    for x in (queries.x, queries.x[:, 2:5]):
        torch.testing.assert_close(learner.f(x, adapted), learner(batches, x))
    torch.testing.assert_close(
        learner.f(queries.x[:, 2:5], adapted), learner(batches, queries.x)[:, 2:5], atol=1e-4, rtol=1e-4
    )


@torch.no_grad()
def test_tasks_do_not_see_each_other(learner: Formula) -> None:
    batches, queries = drawn()
    alone = learner([Batch(b.x[:1], b.y[:1]) for b in batches], queries.x[:1])
    torch.testing.assert_close(alone, learner(batches, queries.x)[:1], atol=1e-3, rtol=1e-3)


def test_sgd_is_the_baseline_descent() -> None:
    batches, queries = drawn()
    baseline = Descent(decode=TASK.decode, loss=TASK.loss, theta_shape=(1, 1), learning_rate=0.005, init=1.0)
    torch.testing.assert_close(formulas.SGD(TASK, 0.005)(batches, queries.x), baseline(batches, queries.x))


def test_newton_is_the_task_s_own_decode() -> None:
    _, queries = drawn()
    theta = torch.tensor([[0.5], [1.0], [2.0]])
    expected = vmap(TASK.decode)(queries.x, theta[:, None])
    torch.testing.assert_close(formulas.newton(formulas.SGD(TASK), queries.x, theta), expected)


def test_maml_s_gradient_goes_through_its_steps() -> None:
    """The derivative of the loss in the learned start is that of finite differences: of second order."""
    torch.manual_seed(0)
    learner = formulas.MAML(TASK).double()
    batches, queries = drawn(steps=2)
    batches, queries = (
        [Batch(b.x.double(), b.y.double()) for b in batches],
        Batch(queries.x.double(), queries.y.double()),
    )

    def loss() -> torch.Tensor:
        return squared_error(learner(batches, queries.x), queries.y).mean()

    direction = torch.randn(1, 129, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (slope,) = torch.autograd.grad(loss(), learner.start)
    with torch.no_grad():
        learner.start += 1e-5 * direction
        above = loss()
        learner.start -= 2e-5 * direction
        below = loss()
    assert (slope * direction).sum().item() == pytest.approx((above - below).item() / 2e-5, rel=1e-5)


def test_a_prompt_is_all_that_tuning_changes() -> None:
    torch.manual_seed(0)
    learner = PromptTuning(InContext(TASK), tokens=2, passes=3).eval()
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    batches, _ = drawn()
    prompt = learner.g(batches)
    assert prompt.shape == (3, 2, 32)
    assert not torch.equal(prompt, learner.start.expand(3, -1, -1))
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())
    assert not any(p.requires_grad for p in learner.parameters())


def test_an_observation_is_a_prompt() -> None:
    """In-context learning and prompt tuning share f: the embedded observations are one point of prompt space."""
    torch.manual_seed(0)
    pretrained = InContext(TASK).eval()
    batches, queries = drawn()
    prompt = pretrained.observation(formulas.pairs(TASK, batches))
    torch.testing.assert_close(pretrained.answer(queries.x, prompt), pretrained(batches, queries.x))


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNED)
def test_a_learner_learns_to_learn(name: str) -> None:
    torch.manual_seed(0)
    learner = MADE[name]()
    config = EvaluationConfig(tasks=64, steps=10, points=5, queries=16)
    (untrained, _), *_ = formulas.height_error(learner, TASK, config, [10])
    train(learner, formulas.amortized, TrainConfig(updates=60, lr=3e-3), seed=0, show=False)
    errors = [mean for mean, _ in formulas.height_error(learner.eval(), TASK, config, [0, 10])]
    assert errors[1] < min(errors[0], untrained)


def test_the_error_is_of_the_height_without_its_noise() -> None:
    """The Bayes posterior's falls like 1 / n: below the noise variance, which no error of y can be."""
    config = EvaluationConfig(tasks=256, steps=20, points=5, queries=16)
    errors = formulas.height_error(Planet(task=TASK), TASK, config, [1, 2, 20])
    assert errors[2][0] == pytest.approx(1 / 100, rel=0.5)
    assert errors[0][0] > errors[1][0] > errors[2][0]
    truth = formulas.height_error(Planet(task=Gravity(noise_sd=0.01)), Gravity(noise_sd=0.01), config, [20])
    assert truth[0][0] < 1e-4
