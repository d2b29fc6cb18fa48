"""Under autocast only the refiner is of less precision: states, likelihoods, gradients and losses keep float32."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch
from small import awake, data, small

from iai.baselines import learned
from iai.evaluation import EvaluationConfig, evaluate
from iai.experiment import Experiment
from iai.losses import LOSSES
from iai.model import RelationsConfig, Signal
from iai.tasks import CausalOrder, Images, LinearRegression
from iai.training import Greedy
from iai.training.objectives import causal_loss, greedy_loss

IMAGES = Images(source="sample", projection=5, ways=3)
WIDE = LinearRegression(dimension=100)


def half(enabled: bool = True) -> Any:
    return torch.autocast("cpu", torch.bfloat16, cache_enabled=False) if enabled else nullcontext()


def relations(update: str) -> Experiment:
    objective = Greedy(task=CausalOrder(nodes=4), tasks=4, steps=2, points=10, queries=4)
    config = RelationsConfig(width=16, depth=1, heads=2, feedforward=32, update=update)
    return replace(small("implicit"), objective=objective, refiner=config, signal=Signal(kind="data"))


EXPERIMENTS = {
    f"{regime}-{update}-{mask}": small(
        regime,
        IMAGES,
        {"update": update, "mask": mask},
        signal=Signal(kind="data" if regime == "implicit" else "grad+data", tokens="running", history=2),
    )
    for regime in ("parametric", "explicit", "implicit")
    for update in ("delta", "absolute")
    for mask in ("full", "causal")
}
EXPERIMENTS |= {space: small("implicit", IMAGES, space=space) for space in ("softmax", "latent")}
EXPERIMENTS |= {f"relations-{update}": relations(update) for update in ("delta", "absolute")}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_states_predictions_and_losses_stay_float32(name: str) -> None:
    experiment = EXPERIMENTS[name]
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    loss, state = LOSSES[experiment.task.loss], amortizer.regime.init(queries.x)
    with half():
        for batch in batches:
            state = amortizer.step(state, batch)
        answer, (error, after) = amortizer.f(queries.x, state), greedy_loss(amortizer, loss, state, batch, queries)
        kept = [state.value, state.anchor, state.past, answer, error, after.value, after.past]
        if experiment.refiner.mask == "causal":
            error, after = causal_loss(amortizer, loss, state, batch, queries, torch.Generator().manual_seed(0))
            kept += [error, after.value, after.past]
    assert {tensor.dtype for tensor in kept} == {torch.float32}
    exact = amortizer(batches, queries.x)
    assert not torch.equal(answer, exact), "the refiner is of less precision"
    torch.testing.assert_close(answer, exact, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("regime", ["parametric", "explicit"])
@pytest.mark.parametrize("tokens", ["mean", "sample", "running"])
def test_gradients_and_predictions_of_a_state_are_those_without_autocast(regime: str, tokens: str) -> None:
    experiment = small(regime, WIDE, signal=Signal(tokens=tokens))
    amortizer, ((batch, _), queries) = awake(experiment), data(experiment)
    state = amortizer.regime.init(queries.x)
    plain, low = (_evidence_and_answers(amortizer, state, batch, queries, under) for under in (False, True))
    assert all(torch.equal(one, other) for one, other in zip(plain, low))


def _evidence_and_answers(amortizer, state, batch, queries, under: bool) -> tuple[torch.Tensor, torch.Tensor]:
    with half(under):
        return amortizer.regime.evidence(state, batch).gradients, amortizer.f(queries.x, state)


@pytest.mark.parametrize("space", ["logits", "latent", "softmax"])
def test_predictions_are_read_from_a_state_without_autocast(space: str) -> None:
    experiment = small("implicit", IMAGES, space=space)
    amortizer, (_, queries) = awake(experiment), data(experiment)
    state = amortizer.regime.init(queries.x)
    with half():
        low = amortizer.f(queries.x, state)
    assert torch.equal(low, amortizer.f(queries.x, state))


def test_the_start_is_judged_alike_in_every_precision() -> None:
    amortizer, config = awake(small(task=WIDE)), EvaluationConfig(tasks=4, steps=1, points=3, queries=5)
    plain = evaluate(amortizer, WIDE, config)
    with half():
        low = evaluate(amortizer, WIDE, config)
    assert low["mse"]["mean"][0] == plain["mse"]["mean"][0] and low["mse"]["mean"][1] != plain["mse"]["mean"][1]


CONFIGS = [
    learned.MAMLConfig(),
    learned.AttentiveCNPConfig(width=16, heads=2),
    learned.LSTMConfig(width=8),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: type(config).__name__)
def test_learned_baselines_decode_and_differentiate_in_float32(config: learned.LearnedBaselineConfig) -> None:
    torch.manual_seed(0)
    baseline, (batches, queries) = learned.make(config, WIDE), data(small(task=WIDE))
    with half():
        answer, loss = baseline(batches, queries.x), baseline.training_loss(batches, queries)
    assert answer.dtype == loss.dtype == torch.float32
    if isinstance(config, learned.MAMLConfig):  # no network of its own
        assert torch.equal(answer, baseline(batches, queries.x))
