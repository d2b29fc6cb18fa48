"""Attention: who sees whom (one pure function), the pre-norm Transformer block, and linear maps at a known scale."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Mask = Literal["full", "causal"]


def attention_mask(
    kind: Mask, times: Int[Tensor, " e"], contexts: Int[Tensor, " s"], groups: Int[Tensor, " s"], shared: bool
) -> Bool[Tensor, "t t"]:
    """True where the token of a row sees the token of a column; evidence tokens come first, then slots.

    Rows and columns::

                     evidence                  | slots
        evidence     times <= own (if causal)  | group 0 (if shared)
        slots        times <= own context      | own group, and group 0 (if shared)

    `times` are those of the evidence tokens, `contexts` the number of observations that a slot may see. Slots of one
    group see each other; group 0 of a shared state is the state before the step. `refiner` shows the tokens of both
    layouts.
    """
    evidence_to_evidence = times[None, :] <= times[:, None]
    if kind == "full":
        evidence_to_evidence = torch.ones_like(evidence_to_evidence)
    first = (groups == 0) & shared
    slots_to_evidence = times[None, :] <= contexts[:, None]
    slots_to_slots = (groups[None, :] == groups[:, None]) | first[None, :]
    evidence_rows = torch.cat([evidence_to_evidence, first.expand(len(times), -1)], dim=1)
    return torch.cat([evidence_rows, torch.cat([slots_to_evidence, slots_to_slots], dim=1)])


class Block(nn.Module):
    """A pre-norm Transformer block on fused attention: x + attention(norm(x)), then x + feedforward(norm(x))."""

    def __init__(self, width: int, heads: int, feedforward: int, tied_qk: float):
        """With `tied_qk`, queries and keys start equal, this many times PyTorch's initial scale."""
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        if tied_qk:
            with torch.no_grad():
                self.qkv.weight[:width] *= tied_qk
                self.qkv.weight[width : 2 * width] = self.qkv.weight[:width]

    def forward(
        self, tokens: Float[Tensor, "b t width"], mask: Bool[Tensor, "t t"] | None
    ) -> Float[Tensor, "b t width"]:
        """The tokens after one block; without a mask all tokens see each other."""
        b, t, width = tokens.shape
        qkv = self.qkv(self.norm_attention(tokens)).view(b, t, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, T, Dh)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        tokens = tokens + self.out(attended.transpose(1, 2).reshape(b, t, width))
        return tokens + self.down(F.gelu(self.up(self.norm_feedforward(tokens))))


class Encoder(nn.Linear):
    """A linear map that turns entries of RMS `scale` into features of RMS 1 at initialisation."""

    def __init__(self, features: int, width: int, scale: float = 1.0):
        super().__init__(features, width)
        nn.init.normal_(self.weight, std=1 / (scale * max(features, 1) ** 0.5))
        nn.init.zeros_(self.bias)


def zero_linear(features: int, outputs: int) -> nn.Linear:
    """A linear map that starts at zero: a residual network that ends in one starts as the identity."""
    layer = nn.Linear(features, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
