"""Muon: PyTorch's own on all matrices of a shape at once, which never waits for a GPU; and the mean of the weights."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small import small
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from iai.experiment import build
from iai.model.attention import Block
from iai.training import Checkpoint, Progress, TrainConfig, adamw, make_optimizer, train
from iai.training.muon import Muon, orthogonal
from iai.training.optimizer import set_rate
from iai.types import UserError

CONFIG = TrainConfig(optimizer="muon", lr=1e-2, matrix_lr=4e-2, weight_decay=0.5, updates=6, warmup=1)
RATES = (1e-3, 4e-3, 1e-2, 1e-2, 5e-3, 1e-3)


def blocks() -> Any:
    torch.manual_seed(0)
    return nn.ModuleList([Block(8, 2, 24, 0.0), Block(8, 2, 24, 0.0), Block(8, 2, 4, 0.0)])


def matrices(model: nn.Module, of: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """What there is of each matrix of all blocks, with queries, keys and values apart."""
    found = []
    for block in model.children():
        found += of(block.qkv.weight).chunk(3)
        found += [of(layer.weight) for layer in (block.out, block.up, block.down)]
    return found


def stepped(update: Callable[[nn.Module, float], object], model: Any) -> Any:
    """The model after updates at several rates on random gradients, of many scales, zero or none."""
    generator = torch.Generator().manual_seed(1)
    for rate in RATES:
        for weight in model.parameters():
            weight.grad = torch.randn(weight.shape, generator=generator) * 10 ** -torch.rand(1, generator=generator)
        model[0].out.weight.grad.zero_()
        model[2].norm_attention.weight.grad = None
        update(model, rate)
    return model


def by_muon(dtype: torch.dtype = torch.float32, on: Callable[[float], Any] = float) -> Any:
    model = blocks()
    chosen = Muon(model, CONFIG)
    chosen.dtype = dtype
    return stepped(lambda _, rate: (set_rate(chosen, on(rate)), chosen.step()), model)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="PyTorch before 2.9 has no Muon")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 1e-2)])
def test_an_update_of_matrices_is_pytorchs_to_rounding(dtype: torch.dtype, tolerance: float, monkeypatch) -> None:
    """Of one matrix at a time; for float32, PyTorch's is kept from its bfloat16."""
    if dtype == torch.float32:
        monkeypatch.setattr(Tensor, "bfloat16", Tensor.clone)
    start = blocks()
    apart = [nn.Parameter(matrix.clone()) for matrix in matrices(start, Tensor.detach)]
    twin = torch.optim.Muon(apart, weight_decay=CONFIG.weight_decay, adjust_lr_fn="match_rms_adamw")

    def update(model: nn.Module, rate: float) -> None:
        for matrix, gradient in zip(apart, matrices(model, lambda weight: weight.grad)):
            matrix.grad = gradient
        set_rate(twin, 4 * rate)
        twin.step()

    stepped(update, blocks())
    for one, other, before in zip(matrices(by_muon(dtype), Tensor.detach), apart, matrices(start, Tensor.detach)):
        assert (one - other).norm() < tolerance * (one - before).norm()


def test_all_other_weights_are_adamws_to_the_last_bit() -> None:
    model = blocks()
    twin = adamw(model, replace(CONFIG, optimizer="adamw"))
    expected = dict(stepped(lambda _, rate: (set_rate(twin, rate), twin.step()), model).named_parameters())
    found = dict(by_muon().named_parameters())
    same = {name for name in found if torch.equal(found[name], expected[name])}
    moved = {f"{i}.{name}.weight" for i in range(3) for name in ("qkv", "out", "up", "down")}
    assert same == found.keys() - moved


def test_a_rate_is_a_number_or_a_tensor() -> None:
    for one, other in zip(by_muon().parameters(), by_muon(on=torch.tensor).parameters()):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_stacked_matrices_are_made_orthogonal_as_each_alone() -> None:
    stack = torch.randn(5, 6, 16, generator=torch.Generator().manual_seed(0))
    stack[1] = 0
    found = orthogonal(stack)
    torch.testing.assert_close(found, torch.cat([orthogonal(one[None]) for one in stack]), rtol=1e-4, atol=1e-5)
    values = torch.linalg.svdvals(found)
    assert not values[1].any() and (values[[0, 2, 3, 4]] - 1).abs().max() < 0.4


def test_an_update_never_waits_for_a_gpu(monkeypatch) -> None:
    """On tensors of a GPU without content, whose numbers nobody can ask for; AdamW's part is PyTorch's own."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: None)
    with FakeTensorMode(), torch.device("cuda"):
        model, config = blocks(), CONFIG
        with monkeypatch.context() as patch:
            patch.setattr(torch, "tensor", lambda value, device: value)  # the constructor reads the rate
            chosen: Any = make_optimizer(model, config)
        assert [group["lr"] for group in chosen.param_groups] == pytest.approx([1e-2, 4e-2])
        for group in chosen.param_groups:
            group["lr"] = torch.zeros(())
        rates, update = [group["lr"] for group in chosen.param_groups], torch.zeros(1, dtype=torch.long)
        for weight in model.parameters():
            weight.grad = torch.randn_like(weight)
        set_rate(chosen, torch.zeros(6, dtype=torch.float64)[update].squeeze(0))
        chosen.step()
        assert all(group["lr"] is rate for group, rate in zip(chosen.param_groups, rates))
        assert chosen.dtype == torch.bfloat16
        for kept in chosen.state.values():
            assert {one.device.type for one in kept.values()} == {"cuda"}


def test_muon_is_for_blocks_and_scales_a_rate() -> None:
    for model, config in ((nn.Linear(2, 2), CONFIG), (blocks(), replace(CONFIG, lr=0))):
        with pytest.raises(UserError, match="choose optimizer='adamw'"):
            make_optimizer(model, config)


def test_a_training_by_muon_learns() -> None:
    config = TrainConfig(updates=150, warmup=10, lr=3e-3, matrix_lr=1e-2, optimizer="muon", precision="float32")
    experiment = small(train=config)

    def losses(**changes: Any) -> Tensor:
        done = train(build(experiment), experiment.objective, replace(config, **changes), seed=0, show=False)
        return torch.stack(done.losses)[-50:].mean()

    assert losses() < 0.9 * losses(matrix_lr=0) < 0.8 * losses(lr=1e-9, matrix_lr=0)


@pytest.mark.parametrize(
    "change",
    [lambda kept: kept.update(other=kept.pop("momentum_buffer")), lambda kept: kept.update(step=torch.ones(()))],
    ids=["another name", "of AdamW"],
)
def test_no_training_goes_on_from_a_malformed_momentum(tmp_path: Path, change: Any) -> None:
    model = blocks()
    chosen, progress = Muon(model, CONFIG), Progress(update=1, losses=[torch.ones(())])
    stepped(lambda *_: chosen.step(), model)
    kept = Checkpoint(tmp_path / "c")
    kept.save(model, chosen, progress)
    assert kept.restore(model, Muon(model, CONFIG)).update == 1
    momentum = chosen.state[model[0].up.weight]
    change(momentum)
    kept.save(model, chosen, progress)
    with pytest.raises(UserError, match="does not fit this training"):
        kept.restore(model, Muon(model, CONFIG))
