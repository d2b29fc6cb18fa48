"""Masks: who sees whom, for shared and independent slots, full and causal."""

import torch

from iai.model import attention_mask

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
