"""One conformance test of all that can be combined; then what masks and tokens of theta promise."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest
import torch
from small import REFINER, answers_degenerate_sizes, answers_on_the_device_of_the_data, awake, data, small

from iai.experiment import Experiment, build, from_json, to_json
from iai.losses import LOSSES
from iai.model import Amortizer, Parameters, Predictions, Refiner, Signal, Signals
from iai.tasks import Features, Gravity, Images, LinearRegression, Mixture
from iai.types import Batch, State, UserError

TASKS = {
    "regression": LinearRegression(dimension=2),
    "gravity": Gravity(),
    "images": Images(source="sample", projection=5, ways=3),
    "features": Features(dataset="mnist", source="sample", projection=5, ways=3),
    "mixture": Mixture(dimension=3, components=2),
}
TOKENS = {"full": ("mean", "sample"), "causal": ("sample", "running")}


def combinations() -> Iterator[tuple[str, Experiment]]:
    """Every combination that makes sense, by name; gravity and mixtures in their plainest form only."""
    for (name, task), mask, history in product(TASKS.items(), TOKENS, (0, 2)):
        if name in ("gravity", "mixture") and (mask, history) != ("full", 0):
            continue
        refiner, common = {"mask": mask}, f"{mask}-{history}"
        for space in ("logits", "latent", "softmax") if name == "images" else ("logits", "latent"):
            signal = Signal(history=history)
            yield (
                f"{name}-implicit-{common}-{space}",
                small("implicit", task, refiner, space=space, signal=signal),
            )
        for regime, kind in product(("parametric", "explicit"), get_args(Signals)):
            for tokens in TOKENS[mask] if "grad" in kind else TOKENS[mask][:1]:
                signal = Signal(kind=kind, tokens=tokens, history=history)
                thetas = ("one", "class") if name == "images" and not history else ("class",)
                if name in ("images", "regression") and regime == "parametric":
                    thetas += ("coordinate",)
                for theta in thetas:
                    chosen = small(regime, task, refiner, signal=signal, theta=theta)
                    yield f"{name}-{regime}-{kind}-{common}-{tokens}-{theta}", chosen


ALL = dict(combinations())


@pytest.mark.parametrize("name", ALL)
def test_conformance(name: str) -> None:
    """f(x, g(batches)) is steps of one refiner; batches are sets; tasks and queries stand alone; all learns."""
    experiment = ALL[name]
    amortizer = awake(experiment)
    batches, queries = data(experiment)
    state = amortizer.regime.init(queries.x)
    for batch in batches:
        state = amortizer.step(state, batch)
    answer = amortizer(batches, queries.x)
    assert torch.equal(answer, amortizer.f(queries.x, state)) and answer.shape == queries.y.shape
    rows = [4, 2, 0, 3, 1] if experiment.refiner.mask == "full" else [0, 1, 2, 3, 4]
    alone = [Batch(b.x[1:2, rows], b.y[1:2, rows]) for b in batches]
    close(amortizer(alone, queries.x[1:2, 2:]), answer[1:2, 2:])
    assert from_json(json.loads(json.dumps(to_json(experiment)))) == experiment
    LOSSES[experiment.task.loss](answer, queries.y).mean().backward()
    silent = {name for name, weight in amortizer.named_parameters() if weight.grad is None or not weight.grad.any()}
    unused = UNUSED[experiment.signal.kind if experiment.regime != "implicit" else "data"]
    assert silent - SHIFT <= unused, silent


UNUSED = {
    "data": {f"refiner.encode_gradient.{part}" for part in ("weight", "bias")},
    "grad": {f"refiner.encode_{kind}.{part}" for kind in ("x", "y", "xy") for part in ("weight", "bias")},
    "residual": {f"refiner.encode_gradient.{part}" for part in ("weight", "bias")},
    "grad+data": set(),
    "grad+residual": set(),
}
"""Weights that cannot learn under a signal: the encoders of what is not shown."""

SHIFT = {"regime.decode.out.bias"}
"""Adds the same number to the logits of all classes, which changes no loss; rounding decides whether it moves."""


def close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_degenerate_sizes_are_answered(name: str) -> None:
    answers_degenerate_sizes(awake(ALL[name]), *data(ALL[name]))


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("images")])
def test_answers_are_on_the_device_of_the_data(name: str) -> None:
    amortizer, generator = awake(ALL[name]), torch.Generator("cpu").manual_seed(0)
    answers_on_the_device_of_the_data(amortizer, *data(ALL[name]))
    with torch.device("meta"):
        assert next(ALL[name].objective(amortizer, generator)).device.type == "cpu"


PLAIN = [name for name in ALL if name.startswith("images") and "full-0" in name]


@pytest.mark.parametrize("name", PLAIN)
def test_untrained_steps_are_the_identity(name: str) -> None:
    amortizer = build(ALL[name])
    batches, queries = data(ALL[name])
    with torch.no_grad():  # from a start of zero, a step that erases the state would pass as well
        amortizer.regime.initial.normal_(generator=torch.Generator().manual_seed(1))
    close(amortizer(batches, queries.x), amortizer([], queries.x))


def other(state: State, seed: int = 5) -> State:
    """A state away from the start."""
    noise = torch.randn(state.value.shape, generator=torch.Generator().manual_seed(seed))
    value = state.value + noise if (state.value.sum(-1) - 1).abs().max() > 1e-5 else noise.softmax(-1)
    past = torch.randn(state.past.shape, generator=torch.Generator().manual_seed(seed))
    return State(value, state.anchor, past)


CAUSAL = [name for name in ALL if "causal" in name]


@pytest.mark.parametrize("name", CAUSAL)
def test_fast_is_slow(name: str) -> None:
    """One pass under the causal mask answers every context size as a batch cut to that size would."""
    experiment = ALL[name]
    amortizer = awake(experiment)
    (batch, *_), queries = data(experiment)
    state = other(amortizer.regime.init(queries.x))
    independent = amortizer.refiner.interface.independent
    sizes = torch.tensor([2, 5, 5, 2] if independent else [2, 5])  # one a query, where slots are independent
    fast = amortizer.refiner(state, amortizer.regime.evidence(state, batch), sizes)
    slow = {size: amortizer.step(state, batch[:size]) for size in (2, 5)}
    assert (slow[2].value - slow[5].value).abs().max() > 1e-3  # sizes do matter
    if independent:
        close(fast.value, torch.stack([slow[size].value[:, i] for i, size in enumerate(sizes.tolist())], dim=1))
        return
    for i, step in enumerate(slow.values()):
        close(fast.value[i::2], step.value)
        close(fast.past[i::2], step.past)


@pytest.mark.parametrize("regime", ["parametric", "implicit"])
def test_a_causal_step_is_blind_to_what_comes_after_its_context(regime: str) -> None:
    experiment = small(regime, refiner={"mask": "causal"}, signal=Signal(tokens="running"))
    amortizer = awake(experiment)
    (batch, _), queries = data(experiment)
    state = amortizer.regime.init(queries.x)
    sizes = torch.full((4,), 2)
    later = Batch(
        torch.cat([batch.x[:, :2], batch.x[:, 2:] + 1], 1), torch.cat([batch.y[:, :2], batch.y[:, 2:] - 1], 1)
    )
    values = [amortizer.refiner(state, amortizer.regime.evidence(state, b), sizes).value for b in (batch, later)]
    torch.testing.assert_close(*values)
    whole = [amortizer.step(state, b).value for b in (batch, later)]
    assert (whole[0] - whole[1]).abs().max() > 1e-3


def relabelled(batch: Batch, order: torch.Tensor) -> Batch:
    return Batch(batch.x, batch.y[..., order])


def test_a_token_a_class_is_equivariant_to_relabelling_up_to_the_names_of_the_labels() -> None:
    """Relabel data and the columns of encode_y alike, and logits are relabelled; nothing else needs to move."""
    experiment = small(task=TASKS["images"], signal=Signal(kind="grad+data"))
    amortizer, renamed = awake(experiment), awake(experiment)
    order = torch.tensor([2, 0, 1])
    with torch.no_grad():
        renamed.refiner.encode_y.weight.copy_(amortizer.refiner.encode_y.weight[:, order])
    batches, queries = data(experiment)
    wanted = amortizer(batches, queries.x)[..., order]
    others = [relabelled(batch, order) for batch in batches]
    close(renamed(others, queries.x), wanted)
    assert (amortizer(others, queries.x) - wanted).abs().max() > 1e-3  # the names do matter


def test_slots_are_a_set() -> None:
    """Anchors, not places, say which slot is which: reordered slots are refined alike, and reordered."""
    experiment = small(task=TASKS["images"], signal=Signal(kind="data"))
    amortizer = awake(experiment)
    (batch, _), queries = data(experiment)
    state, order = other(amortizer.regime.init(queries.x)), torch.tensor([2, 0, 1])
    moved = State(state.value[:, order], state.anchor[:, order], state.past)
    found = amortizer.step(moved, batch).value
    close(found, amortizer.step(state, batch).value[:, order])


@pytest.mark.parametrize("name", ["regression", "images"])
@pytest.mark.parametrize("kind", get_args(Signals))
def test_a_token_a_coordinate_is_equivariant_to_the_order_of_coordinates(name: str, kind: str) -> None:
    """Reorder the coordinates of x and the columns of encode_x alike, and nothing changes but the order of theta."""
    experiment = small(task=TASKS[name], signal=Signal(kind=kind), theta="coordinate")
    amortizer, renamed = awake(experiment), awake(experiment)
    order = torch.randperm(experiment.task.dx, generator=torch.Generator().manual_seed(3))
    order = order.flip(0) if torch.equal(order, order.sort().values) else order
    with torch.no_grad():
        renamed.refiner.encode_x.weight.copy_(amortizer.refiner.encode_x.weight[:, order])
    batches, queries = data(experiment)
    others, x = [Batch(batch.x[..., order], batch.y) for batch in batches], queries.x[..., order]
    close(renamed(others, x), amortizer(batches, queries.x))
    assert (amortizer(others, x) - amortizer(batches, queries.x)).abs().max() > 1e-3
    theta, moved = amortizer.g(batches, queries.x).value, renamed.g(others, x).value
    close(moved[:, : len(order)], theta[:, order])


@pytest.mark.parametrize("name", ["regression", "images"])
def test_a_token_a_coordinate_holds_the_change_of_the_prediction_along_it(name: str) -> None:
    experiment = small(task=TASKS[name], signal=Signal(kind="data"), theta="coordinate")
    amortizer, (batches, queries) = awake(experiment), data(experiment)
    state, d = amortizer.g(batches, queries.x), experiment.task.dx
    at = [amortizer.f(x.expand(3, -1, d), state) for x in (torch.eye(d), torch.zeros(1, d))]
    close(state.value, torch.cat([at[0] - at[1], at[1]], dim=1))
    anchors = amortizer.regime.anchor
    assert torch.equal(anchors, torch.cat([d**0.5 * torch.eye(d), torch.zeros(1, d)]))


@pytest.mark.parametrize("task", [Gravity(), TASKS["mixture"]])
def test_coordinates_are_those_of_a_linear_likelihood(task: Any) -> None:
    with pytest.raises(UserError, match="linear likelihood"):
        build(small(task=task, theta="coordinate", signal=Signal(kind="data")))


TASK = LinearRegression(dimension=3)


def theta(tokens: str = "mean", slots: int = 1, classes: bool = False, **signal: Any) -> Parameters:
    shape = (slots, 4 // slots)
    anchor = "y" if classes else "none"
    return Parameters(TASK.decode, TASK.loss, shape, Signal(tokens=tokens, **signal), anchor)


def built(regime: Parameters | Predictions, stated: Parameters | Predictions | None = None, **sizes: Any) -> Amortizer:
    """An amortizer by hand, with a refiner for the states of its own regime or of another one."""
    return Amortizer(regime, Refiner(replace(REFINER, **sizes), (stated or regime).interface(TASK)))


@pytest.mark.parametrize(
    "regime",
    [theta(), theta("sample", history=2), theta("running"), Predictions(1), Predictions(1, history=1)],
    ids=["mean", "history", "running", "implicit", "implicit-history"],
)
def test_a_regime_states_what_its_refiner_needs(regime: Parameters | Predictions) -> None:
    amortizer = built(regime)
    batch = TASK.sample(torch.Generator().manual_seed(0), 2, 5)
    assert amortizer([batch, batch], batch.x).shape == (2, 5, 1)
    scales = regime.interface(TASK)
    assert (scales.x_scale, scales.y_scale) == (1.0, TASK.y_scale)


@pytest.mark.parametrize(
    ("make", "fix"),
    [
        (lambda: built(theta(history=2), theta()), "past=0 and not 8"),
        (lambda: built(Predictions(1, history=2), Predictions(1)), "past=0 and not 1"),
        (lambda: built(theta(history=2), theta(history=2, kind="data")), "past=4 and not 8"),
        (lambda: built(theta("running"), theta()), "running=False and not True"),
        (lambda: built(theta(), Predictions(1, "latent", width=4)), "anchor='x' and not 'none', independent=True"),
        (lambda: built(theta(), mask="causal"), "tokens='running'"),
        (lambda: built(Predictions(1, "softmax")), "set both it and space='softmax'"),
        (lambda: built(theta(), update="simplex"), "set both it and space='softmax'"),
        (lambda: built(theta(slots=2)), "2 slots, 3 inputs and 1 labels"),
        (lambda: built(theta(slots=2, classes=True)), "2 slots, 3 inputs and 1 labels"),
    ],
)
def test_a_refiner_of_other_states_is_refused(make: Callable[[], Amortizer], fix: str) -> None:
    with pytest.raises(UserError, match=fix) as error:
        make()
    assert "\n" not in str(error.value)
