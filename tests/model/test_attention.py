"""Attention: masks for shared and independent slots, full and causal, and its two ways to compute."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from iai.model import attention_mask
from iai.model.attention import PLAIN_TOKENS, Block, attend

TIMES = torch.tensor([0, 1, 2, 3])  # one past state, three observations


def mask(kind: str, contexts: list[int], groups: list[int], shared: bool) -> list[str]:
    """The mask as rows of 0 and 1."""
    seen = attention_mask(kind, TIMES, torch.tensor(contexts), torch.tensor(groups), shared)
    return ["".join(str(int(cell)) for cell in row) for row in seen]


def test_a_full_mask_of_shared_slots_hides_nothing() -> None:
    assert mask("full", [3, 3], [0, 0], shared=True) == ["111111"] * 6


def test_a_full_mask_of_independent_slots_hides_slots_from_each_other_and_from_the_evidence() -> None:
    assert mask("full", [3, 3], [0, 1], shared=False) == ["111100"] * 4 + ["111110", "111101"]


def test_a_causal_mask_of_independent_slots_gives_each_its_own_context() -> None:
    triangle = ["100000", "110000", "111000", "111100"]
    assert mask("causal", [1, 3], [0, 1], shared=False) == [*triangle, "110010", "111101"]


def test_a_causal_mask_of_shared_slots_shows_the_present_state_to_all_and_answers_to_none() -> None:
    rows = mask("causal", [0, 2, 3], [0, 1, 2], shared=True)
    assert rows == ["1000100", "1100100", "1110100", "1111100", "1000100", "1110110", "1111101"]


@pytest.mark.parametrize("masked", [False, True])
def test_plain_attention_in_bfloat16_is_the_fused_one_with_its_gradients(masked: bool, monkeypatch) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, 2, rows, 8, generator=generator) for rows in (4, 9, 9)]
    mask = torch.ones(4, 9).tril(3).bool() if masked else None
    exact = [one.clone().requires_grad_() for one in inputs]
    F.scaled_dot_product_attention(*exact, attn_mask=mask).square().sum().backward()
    rounded = [one.bfloat16().requires_grad_() for one in inputs]
    monkeypatch.setattr(F, "scaled_dot_product_attention", None)  # not called
    attend(*rounded, mask).square().sum().backward()
    for one, other in zip(exact, rounded):
        torch.testing.assert_close(other.grad.float(), one.grad, rtol=0.05, atol=0.05)


def test_long_contexts_single_precision_and_evaluations_are_fused(monkeypatch) -> None:
    calls = []
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda q, k, v, attn_mask: calls.append(q.dtype) or q)
    for tokens, dtype, learns in product((4, PLAIN_TOKENS + 1), (torch.float32, torch.bfloat16), (False, True)):
        q = torch.zeros(1, 1, tokens, 2, dtype=dtype, requires_grad=learns)
        attend(q, q, q)
    assert len(calls) == 7


@pytest.mark.parametrize("masked", [False, True])
def test_a_block_that_computes_what_is_read_computes_the_same(masked: bool) -> None:
    torch.manual_seed(0)
    block, tokens = Block(8, 2, 16, 1.0), torch.randn(3, 7, 8)
    mask = torch.ones(7, 7).tril(2).bool() if masked else None
    torch.testing.assert_close(block(tokens, mask, 2), block(tokens, mask)[:, -2:])
    assert block(tokens, mask, 0).shape == (3, 0, 8)
