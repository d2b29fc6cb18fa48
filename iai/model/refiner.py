"""h_phi and r_gamma: one pre-norm Transformer step that rewrites the slots of a state in the light of evidence.

It knows no regime and no task: `Interface` tells it the shapes and scales of what it reads, `RefinerConfig` its size.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from iai.model.masks import Mask, attention_mask
from iai.types import Evidence, State, recorded

Update = Literal["delta", "absolute", "simplex"]
Anchor = Literal["none", "x", "y"]


@dataclass(frozen=True, kw_only=True)
class RefinerConfig:
    """Size and habits of a refiner; every field is an ablation."""

    width: int = 64
    depth: int = 4
    heads: int = 4
    feedforward: int = 256
    mask: Mask = "full"
    update: Update = "delta"
    bilinear: bool = True
    """Show the product of the encoded x and y as a third term of an observation."""
    tied_qk: float = recorded(1.0, name="tied")
    """Queries and keys start equal, this many times PyTorch's initial scale; 0 starts them apart."""
    scaled_inputs: bool = recorded(True, name="matched")
    """Divide inputs by their known scales, so that x and y arrive alike; False starts as one `nn.Linear` of [x, y]."""
    x_share: float = recorded(0.0, name="apart")
    """Share of the features that x starts in, with all else in the other features; 0 lets them start mixed."""


@dataclass(frozen=True, kw_only=True)
class Interface:
    """What a refiner must know of the data and of the state that it rewrites.

    `slot` and `past` count the features of a slot and of a remembered slot; `anchor` says what an anchor is (an input,
    a target, nothing); `independent` slots never see each other; gradients may be `running` means; scales are the RMS
    of one entry of x, of y and of a slot at the start.
    """

    dx: int
    dy: int
    slot: int
    past: int = 0
    anchor: Anchor = "none"
    independent: bool = False
    running: bool = False
    x_scale: float = 1.0
    y_scale: float = 1.0
    slot_scale: float = 1.0


class Encoder(nn.Linear):
    """A linear map that turns entries of RMS `scale` into features of RMS 1 at initialisation."""

    def __init__(self, features: int, width: int, scale: float = 1.0):
        super().__init__(features, width)
        nn.init.normal_(self.weight, std=1 / (scale * max(features, 1) ** 0.5))
        nn.init.zeros_(self.bias)


class Block(nn.Module):
    """A pre-norm Transformer block on fused attention."""

    def __init__(self, config: RefinerConfig):
        super().__init__()
        width, self.heads = config.width, config.heads
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, config.feedforward), nn.Linear(config.feedforward, width)
        if config.tied_qk:
            with torch.no_grad():
                self.qkv.weight[:width] *= config.tied_qk
                self.qkv.weight[width : 2 * width] = self.qkv.weight[:width]

    def forward(
        self, tokens: Float[Tensor, "b t width"], mask: Bool[Tensor, "t t"] | None
    ) -> Float[Tensor, "b t width"]:
        """Attention under a mask (None: all see all), then a feed-forward layer, each added to its input."""
        b, t, width = tokens.shape
        qkv = self.qkv(self.norm_attention(tokens)).view(b, t, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, H, T, Dh)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        tokens = tokens + self.out(attended.transpose(1, 2).reshape(b, t, width))
        return tokens + self.down(F.gelu(self.up(self.norm_feedforward(tokens))))


class Refiner(nn.Module):
    """theta_i+1 = h_phi(theta_i, B_i), y_hat_i+1 = r_gamma([x, y_hat_i], B_i) (eqs 7, 8): the state after one step."""

    def __init__(self, config: RefinerConfig, interface: Interface):
        super().__init__()
        if config.width % config.heads:
            raise ValueError(f"width {config.width} must be a multiple of heads {config.heads}")
        if config.bilinear and config.x_share:
            raise ValueError("x * y starts at zero where x and y start apart: set bilinear=False or apart=0")
        self.config, self.interface = config, interface
        width = config.width
        self.encode_x = Encoder(interface.dx, width, interface.x_scale)
        self.encode_y = Encoder(interface.dy, width, interface.y_scale)
        self.encode_xy = Encoder(width, width) if config.bilinear else None
        self.encode_slot = Encoder(interface.slot, width, interface.slot_scale)
        self.encode_gradient = Encoder(interface.slot + 1, width)
        self.encode_past = Encoder(interface.past, width) if interface.past else None
        self.kinds = nn.Parameter(torch.randn(4, width) / width**0.5)  # of pairs, gradients, past states, slots
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, interface.slot)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self._start_apart()
        if not config.scaled_inputs:
            for encoder in (self.encode_x, self.encode_y):
                nn.init.normal_(encoder.weight, std=(3 * (interface.dx + interface.dy)) ** -0.5)

    @torch.no_grad()
    def _start_apart(self) -> None:
        """Give x the first features and all other encodings the rest, each at the scale that it had."""
        first = round(self.config.x_share * self.config.width)
        if not first:
            return
        self.encode_x.weight[first:] = 0
        self.encode_x.weight *= (self.config.width / first) ** 0.5
        for encoder in (self.encode_y, self.encode_slot, self.encode_gradient, self.encode_past):
            if encoder is not None:
                encoder.weight[:first] = 0
                encoder.weight *= (self.config.width / (self.config.width - first)) ** 0.5

    def forward(self, state: State, evidence: Evidence, sizes: Int[Tensor, " k"] | None = None) -> State:
        """The state after all evidence; with `sizes` (causal mask), after only so many observations.

        Independent slots take one size each. Shared slots answer every size: tasks * k states, a task's own together.
        """
        observed, times = self._evidence_tokens(state, evidence)
        slots = self._anchored(self.encode_slot(state.value), state.anchor) + self.kinds[3]
        contexts, groups = self._contexts(slots.shape[1], int(evidence_length(evidence)), sizes, times.device)
        count, past, shared = len(contexts), self._past_tokens(state), not self.interface.independent
        asked = slots.repeat(1, count // slots.shape[1], 1)
        if shared:  # all see the past of all; else a slot alone sees its own
            observed, times = torch.cat([past, observed], dim=1), F.pad(times, (past.shape[1], 0))
        else:
            asked, contexts = torch.cat([asked, past], dim=1), F.pad(contexts, (0, past.shape[1]))
            groups = groups.repeat(asked.shape[1] // count)
        tokens = torch.cat([observed, asked], dim=1)
        hides = self.config.mask == "causal" or not shared
        mask = attention_mask(self.config.mask, times, contexts, groups, shared) if hides else None
        for block in self.blocks:
            tokens = block(tokens, mask)
        answers = tokens[:, observed.shape[1] :][:, :count]
        if count > slots.shape[1]:  # the first copy is the state before the step
            answers = answers[:, slots.shape[1] :].reshape(-1, *slots.shape[1:])
        return self._rewrite(state, evidence, self.head(self.norm(answers)), sizes)

    def _contexts(
        self, slots: int, points: int, sizes: Tensor | None, device: torch.device
    ) -> tuple[Int[Tensor, " s"], Int[Tensor, " s"]]:
        """Context size and group of every slot token; a causal shared state is laid out before its answers."""
        if sizes is None:
            sizes = torch.full((slots if self.interface.independent else 1,), points, device=device)
        elif self.config.mask != "causal":
            raise ValueError("context sizes need a causal mask: set RefinerConfig.mask to 'causal'")
        if self.interface.independent:
            return sizes, torch.arange(slots, device=device)
        if self.config.mask == "full":
            return sizes.repeat(slots), torch.zeros(slots, dtype=torch.long, device=device)
        contexts = torch.cat([sizes.new_zeros(1), sizes])
        return contexts.repeat_interleave(slots), torch.arange(len(contexts), device=device).repeat_interleave(slots)

    def _evidence_tokens(
        self, state: State, evidence: Evidence
    ) -> tuple[Float[Tensor, "tasks e width"], Int[Tensor, " e"]]:
        """Tokens of observations and gradients, and the time at which each is seen."""
        tasks, m, slots, _ = evidence.gradients.shape
        x, y = self.encode_x(evidence.pairs.x), self.encode_y(evidence.pairs.y)
        pairs = x + y + self.kinds[0]
        if self.encode_xy is not None:
            pairs = pairs + self.encode_xy(x * y)
        tokens = [pairs]
        times = [torch.arange(1, pairs.shape[1] + 1, device=x.device)]
        if m:
            gradients = self.encode_gradient(normalised(evidence.gradients))
            anchored = self._anchored(gradients, state.anchor[:, None]) + self.kinds[1]
            tokens.append(anchored.reshape(tasks, m * slots, -1))
            times.append(torch.arange(1, m + 1, device=x.device).repeat_interleave(slots))
        return torch.cat(tokens, dim=1), torch.cat(times)

    def _past_tokens(self, state: State) -> Float[Tensor, "tasks p width"]:
        """Tokens of past states and gradients, oldest first, none without a window; all there from time 0."""
        if self.encode_past is None:
            return state.value.new_zeros(state.value.shape[0], 0, self.config.width)
        anchor = state.anchor.repeat(1, state.past.shape[1] // state.value.shape[1], 1)
        return self._anchored(self.encode_past(state.past), anchor) + self.kinds[2]

    def _anchored(self, tokens: Tensor, anchor: Tensor) -> Tensor:
        """Tokens that say what they are about: the anchor, through the same encoder as the data."""
        if self.interface.anchor == "none":
            return tokens
        return tokens + (self.encode_x if self.interface.anchor == "x" else self.encode_y)(anchor)

    def _rewrite(self, state: State, evidence: Evidence, change: Tensor, sizes: Tensor | None) -> State:
        """The next state from what the head says, with the present one remembered where there is a window."""
        copies = change.shape[0] // state.value.shape[0]
        value, anchor, past = (t.repeat_interleave(copies, 0) for t in (state.value, state.anchor, state.past))
        if self.encode_past is not None:
            recent = (
                torch.cat([value, seen(evidence.gradients, sizes, self.interface.running)], -1)
                if evidence.gradients.numel()
                else value
            )
            past = torch.cat([past[:, recent.shape[1] :], recent], dim=1)
        if self.config.update == "delta":
            return State(value + change, anchor, past)
        if self.config.update == "absolute":
            return State(change, anchor, past)
        return State((value.clamp_min(1e-9).log() + change).softmax(-1), anchor, past)


def evidence_length(evidence: Evidence) -> int:
    """Observations behind the evidence: its pairs or, without them, its gradient tokens."""
    return max(evidence.pairs.points, evidence.gradients.shape[1])


def seen(
    gradients: Float[Tensor, "tasks m slots width"], sizes: Int[Tensor, " k"] | None, running: bool
) -> Float[Tensor, "tasks_k slots width"]:
    """The mean of the gradient tokens within each context size, or of all; running means are that already."""
    count = torch.arange(1, gradients.shape[1] + 1, device=gradients.device)
    sizes = count[-1:] if sizes is None else sizes.clamp(max=len(count))
    means = gradients if running else gradients.cumsum(1) / count.view(-1, 1, 1)
    return means[:, sizes - 1].flatten(0, 1)


def normalised(gradients: Float[Tensor, "*b width"]) -> Float[Tensor, "*b width_plus_1"]:
    """Gradients divided by their RMS, and the log of that RMS as one more feature."""
    rms = gradients.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-8)
    return torch.cat([gradients / rms, rms.log()], dim=-1)
