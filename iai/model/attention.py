"""Attention: who sees whom (one pure function), the pre-norm Transformer block, and linear maps at a known scale."""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Mask = Literal["full", "causal"]
PLAIN_TOKENS = 640
"""Tokens up to which plain attention is faster than the fused kernel, where that is slow at all."""


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


def attend(
    q: Float[Tensor, "b heads r d"], k: Float[Tensor, "b heads t d"], v: Float[Tensor, "b heads t d"], mask: Any = None
) -> Float[Tensor, "b heads r d"]:
    """softmax(q k' / sqrt(d)) v, by PyTorch's fused kernel or, where that is slower, by two products and a softmax.

    The fused kernel is slower on a CPU in bfloat16: forward and backward took it 1.6 to 7 times as long at 11 to 600
    tokens on an Intel Xeon, and less than the plain way at 1,000, with torch 2.14.1.
    """
    slow = q.device.type == "cpu" and q.dtype == torch.bfloat16 and q.requires_grad and k.shape[2] <= PLAIN_TOKENS
    if not slow:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.mT
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1, dtype=q.dtype) @ v


class Block(nn.Module):
    """A pre-norm Transformer block: x + attention(norm(x)), then x + feedforward(norm(x))."""

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
        self, tokens: Float[Tensor, "b t width"], mask: Bool[Tensor, "t t"] | None, read: int | None = None
    ) -> Float[Tensor, "b r width"]:
        """The tokens after one block, or the last `read` of them; without a mask all tokens see each other."""
        b, t, width = tokens.shape
        r = t if read is None else read
        qkv = self.qkv(self.norm_attention(tokens)).view(b, t, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, T, Dh)
        attended = attend(q[:, :, t - r :], k, v, mask if mask is None else mask[t - r :])
        tokens = tokens[:, t - r :] + self.out(attended.transpose(1, 2).reshape(b, r, width))
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
