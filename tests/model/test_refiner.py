"""The refiner: tokens arrive at one scale, a zero head changes nothing."""

from dataclasses import replace

import pytest
import torch
from small import REFINER, small

from iai.experiment import build
from iai.model.refiner import Encoder, Interface, Refiner, RefinerConfig, normalised
from iai.tasks import Images
from iai.types import Batch, Evidence, State


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_an_encoder_turns_its_scale_into_one(scale: float) -> None:
    torch.manual_seed(0)
    out = Encoder(64, 128, scale)(scale * torch.randn(500, 64))
    assert 0.9 < out.square().mean().sqrt() < 1.1


@pytest.mark.parametrize(("dx", "dy"), [(1, 1), (784, 10), (100, 1)])
def test_every_kind_of_token_arrives_at_the_same_scale(dx: int, dy: int) -> None:
    """RMS over features, tokens and 64 initialisations: with one feature, one matrix alone is a rough estimate."""
    rms: dict[str, list[torch.Tensor]] = {name: [] for name in ("x", "y", "xy", "slot", "gradient")}
    for seed in range(64):
        torch.manual_seed(seed)
        interface = Interface(dx=dx, dy=dy, slot=dx + 1, x_scale=3.0, y_scale=dy**-0.5)
        refiner = Refiner(replace(REFINER, width=64), interface)
        x = refiner.encode_x(3 * torch.randn(32, dx))
        label = torch.eye(dy)[torch.arange(32) % dy] if dy > 1 else torch.randn(32, 1)
        y, slot = refiner.encode_y(label), refiner.encode_slot(torch.randn(32, dx + 1))
        gradient = refiner.encode_gradient(normalised(0.3 * torch.randn(32, dx + 1)))
        for name, token in zip(rms, (x, y, refiner.encode_xy(x * y), slot, gradient)):
            rms[name].append(token.square().mean())
    found = {name: torch.stack(values).mean().sqrt().item() for name, values in rms.items()}
    assert all(0.8 < value < 1.25 for value in found.values()), found


def test_probabilities_arrive_at_the_scale_of_all_else() -> None:
    """A uniform softmax has entries of 1 / ways, not of 1."""
    tokens = []
    for seed in range(64):
        model = build(small("implicit", Images(source="sample", projection=5, ways=5), space="softmax"), seed)
        tokens.append(model.refiner.encode_slot(model.regime.init(torch.randn(2, 3, 5)).value).square().mean())
    assert 0.8 < torch.stack(tokens).mean().sqrt() < 1.25


def test_unmatched_encodings_are_one_linear_layer_in_which_pixels_drown_labels() -> None:
    torch.manual_seed(0)
    refiner = Refiner(replace(REFINER, scaled_inputs=False), Interface(dx=784, dy=10, slot=4, y_scale=0.316))
    x, y = refiner.encode_x(torch.randn(500, 784)), refiner.encode_y(torch.eye(10))
    assert x.square().mean() > 100 * y.square().mean()


def test_apart_gives_x_its_own_features_at_the_same_scale() -> None:
    torch.manual_seed(0)
    config = RefinerConfig(width=64, bilinear=False, x_share=0.5)
    refiner = Refiner(config, Interface(dx=8, dy=4, slot=3, y_scale=0.5))
    x, y = refiner.encode_x(torch.randn(500, 8)), refiner.encode_y(torch.eye(4))
    slots, gradients = refiner.encode_slot(torch.randn(500, 3)), refiner.encode_gradient(torch.randn(500, 4))
    assert not x[:, 32:].any() and not any(rest[:, :32].any() for rest in (y, slots, gradients))
    assert all(0.8 < tokens.square().mean().sqrt() < 1.25 for tokens in (x, y, slots, gradients))


def test_queries_and_keys_start_equal_unless_told_otherwise() -> None:
    torch.manual_seed(0)
    for tied_qk in (2.0, 0.0):
        q, k, _ = (
            Refiner(replace(REFINER, tied_qk=tied_qk), Interface(dx=2, dy=1, slot=3)).blocks[0].qkv.weight.chunk(3)
        )
        assert torch.equal(q, k) == bool(tied_qk)


def test_gradients_are_normalised_with_their_log_norm_beside_them() -> None:
    gradients = 1e-3 * torch.randn(4, 7)
    found = normalised(gradients)
    torch.testing.assert_close(found[:, :7].square().mean(-1), torch.ones(4))
    torch.testing.assert_close(found[:, :7] * found[:, 7:].exp(), gradients)
    assert normalised(torch.zeros(1, 3)).isfinite().all()


def test_normalised_directions_do_not_change_with_the_scale_of_the_loss() -> None:
    gradients = torch.randn(4, 7)
    near, far = normalised(gradients), normalised(1e4 * gradients)
    torch.testing.assert_close(near[:, :7], far[:, :7])


def example(points: int = 3) -> tuple[State, Evidence]:
    torch.manual_seed(1)
    state = State(torch.randn(2, 2, 4).softmax(-1), torch.zeros(2, 2, 0), torch.zeros(2, 0, 0))
    pairs = Batch(torch.randn(2, points, 3), torch.randn(2, points, 1))
    return state, Evidence(pairs, torch.randn(2, 1, 2, 4))


@pytest.mark.parametrize("kind", ["full", "causal"])
@pytest.mark.parametrize(("update", "expected"), [("delta", "same"), ("simplex", "same"), ("absolute", "zero")])
def test_a_zero_head_makes_the_untrained_refiner_the_identity(kind: str, update: str, expected: str) -> None:
    interface = Interface(dx=3, dy=1, slot=4, simplex=update == "simplex")
    refiner = Refiner(replace(REFINER, mask=kind, update=update), interface)
    state, evidence = example()
    wanted = state.value if expected == "same" else torch.zeros_like(state.value)
    torch.testing.assert_close(refiner(state, evidence).value, wanted)


def test_the_simplex_update_keeps_probabilities_and_multiplies_odds() -> None:
    refiner = Refiner(replace(REFINER, update="simplex"), Interface(dx=3, dy=1, slot=4, simplex=True))
    change = torch.tensor([0.0, 1.0, -1.0, 0.5])
    refiner.head.bias.data = change
    state, evidence = example()
    after = refiner(state, evidence).value
    torch.testing.assert_close(after.sum(-1), torch.ones(2, 2))
    torch.testing.assert_close((after / after[..., :1]).log(), (state.value / state.value[..., :1]).log() + change)


def test_mistakes_are_told_with_their_fix() -> None:
    interface = Interface(dx=3, dy=1, slot=4)
    with pytest.raises(ValueError, match="multiple of heads"):
        Refiner(replace(REFINER, width=15), interface)
    with pytest.raises(ValueError, match="bilinear=False"):
        Refiner(replace(REFINER, x_share=0.5), interface)
    state, evidence = example()
    with pytest.raises(ValueError, match="'causal'"):
        Refiner(REFINER, interface)(state, evidence, torch.tensor([1, 2]))
