"""Who sees whom in a refiner: one pure function for both masks, and for slots that share a state or not."""

from typing import Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

Mask = Literal["full", "causal"]


def attention_mask(
    kind: Mask, times: Int[Tensor, " e"], contexts: Int[Tensor, " s"], groups: Int[Tensor, " s"], shared: bool
) -> Bool[Tensor, "t t"]:
    """Who sees whom, rows looking at columns, evidence tokens first and slots after them.

    Evidence of time t sees evidence (of times <= t if `causal`) and, where slots are `shared`, group 0: the state
    before the step. A slot sees the evidence of times <= its context size, the slots of its group and, if `shared`,
    group 0.
    """
    among_evidence = times[None, :] <= times[:, None]
    if kind == "full":
        among_evidence = torch.ones_like(among_evidence)
    current = (groups == 0) & shared
    evidence_rows = torch.cat([among_evidence, current.expand(len(times), -1)], dim=1)
    among_slots = (groups[None, :] == groups[:, None]) | current[None, :]
    slot_rows = torch.cat([times[None, :] <= contexts[:, None], among_slots], dim=1)
    return torch.cat([evidence_rows, slot_rows])
