"""h_phi and r_gamma: one pre-norm Transformer step from a state and evidence to the next state.

A refiner knows no regime and no task: `Interface` has the shapes and scales of its inputs, `RefinerConfig` its size.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from iai.fields import Amount, Share, Size, config, recorded
from iai.model.attention import Block, Encoder, Mask, attention_mask, zero_linear
from iai.types import Evidence, State, Task, UserError

Update = Literal["delta", "absolute", "simplex"]
Anchor = Literal["none", "x", "y"]


@config
class RefinerConfig:
    """Size, mask, update rule and initialisation of a refiner; every field is an ablation."""

    width: Size = 64
    depth: Size = 4
    heads: Size = 4
    feedforward: Size = 256
    mask: Mask = "full"
    update: Update = "delta"
    bilinear: bool = True
    """Add the product of the encoded x and y to the token of an observation."""
    tied_qk: Amount = recorded(default=1.0, name="tied")
    """Queries and keys start equal, this many times PyTorch's initial scale; 0 starts them apart."""
    scaled_inputs: bool = recorded(default=True, name="matched")
    """Divide inputs by their known scales, so that x and y arrive alike; False starts as one `nn.Linear` of [x, y]."""
    x_share: Share = recorded(default=0.0, name="apart")
    """Share of the features that x starts in, with all else in the other features; 0 lets them start mixed."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise UserError(f"width = {self.width} must be a multiple of heads = {self.heads}")
        if self.bilinear and self.x_share:
            raise UserError("x * y starts at zero where x and y start apart: set bilinear=False or x_share=0")


@dataclass(frozen=True, kw_only=True)
class Interface:
    """Shapes and scales of the data and of the state, as `regime.interface(task)` states them.

    `slot` and `past` count the features of a slot and of a remembered slot, and `memory` those of a slot, its last,
    that no prediction reads; `anchor` says what an anchor is (an input,
    a target, nothing); `independent` slots never see each other; gradients may be `running` means, or `whole` ones, of
    all of a batch; slots on the `simplex` are probabilities; scales are the RMS of one entry of x, of y and of a slot
    at the start.
    """

    dx: int
    dy: int
    slot: int
    past: int = 0
    memory: int = 0
    anchor: Anchor = "none"
    independent: bool = False
    running: bool = False
    whole: bool = False
    simplex: bool = False
    x_scale: float = 1.0
    y_scale: float = 1.0
    slot_scale: float = 1.0

    @staticmethod
    def of(data: "Task | Interface", **state: Any) -> "Interface":
        """The interface to a state, with shapes and scales of data; a scale that these do not state is 1."""
        known = {name: getattr(data, name) for name in ("dx", "dy", "x_scale", "y_scale") if hasattr(data, name)}
        return Interface(**known | state)


class Refiner(nn.Module):
    """theta_i+1 = h_phi(theta_i, B_i), y_hat_i+1 = r_gamma([x, y_hat_i], B_i) (eqs 7, 8): the state after one step."""

    def __init__(self, config: RefinerConfig, interface: Interface):
        super().__init__()
        if config.mask == "causal" and interface.whole:
            raise UserError("the mean gradient shows each context all of a batch: with mask='causal', tokens='running'")
        if (config.update == "simplex") != interface.simplex:
            raise UserError("update='simplex' is for probabilities, and the only one: set both it and space='softmax'")
        self.config, self.interface = config, interface
        width = config.width
        self.encode_x = Encoder(interface.dx, width, interface.x_scale)
        self.encode_y = Encoder(interface.dy, width, interface.y_scale)
        self.encode_xy = Encoder(width, width) if config.bilinear else None
        self.encode_slot = Encoder(interface.slot, width, interface.slot_scale)
        self.encode_gradient = Encoder(interface.slot - interface.memory + 1, width)
        self.encode_past = Encoder(interface.past, width) if interface.past else None
        self.kinds = nn.Parameter(torch.randn(4, width) / width**0.5)  # of pairs, gradients, past states, slots
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.feedforward, config.tied_qk) for _ in range(config.depth)
        )
        self.norm, self.head = nn.LayerNorm(width), zero_linear(width, interface.slot)
        self._start_apart()
        if not config.scaled_inputs:
            for encoder in (self.encode_x, self.encode_y):
                nn.init.normal_(encoder.weight, std=(3 * (interface.dx + interface.dy)) ** -0.5)

    @torch.no_grad()
    def _start_apart(self) -> None:
        """Let x start in the first features and all other encodings in the rest, each at the scale that it had."""
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
        """The state after all evidence or, under a causal mask, after the first `sizes` observations.

        Independent slots take one size each. Shared slots answer every size: the result has k states for each task,
        those of one task next to each other. `ValueError` for sizes without a causal mask.
        """
        if sizes is not None and self.config.mask != "causal":
            raise ValueError("context sizes need a causal mask: set RefinerConfig.mask to 'causal'")
        observed, times = self._evidence_tokens(state, evidence)
        slots = self._anchored(self.encode_slot(state.value), state.anchor) + self.kinds[3]
        past = self._past_tokens(state)
        asked = times.new_full((1,), evidence.points) if sizes is None else sizes
        refine = self._independent_slots if self.interface.independent else self._shared_slots
        answers = refine(past, observed, times, slots, asked)
        return self._rewrite(state, evidence, self.head(self.norm(answers)), sizes)

    def _independent_slots(
        self, past: Tensor, observed: Tensor, times: Tensor, slots: Tensor, sizes: Int[Tensor, " k"]
    ) -> Float[Tensor, "tasks slots width"]:
        """One answer a slot: each sees the evidence, itself and its own past, and no other slot.

        Tokens in their order, and what each sees::

            tokens        e_1 ... e_n | p_1 ... p_q, of the oldest step first | s_1 ... s_q
            e_i sees      e_1 ... e_n (full) or e_1 ... e_i (causal)
            s_j sees      e_1 ... e_n (full) or as many as its size (causal), s_j and all its p_j
            p_j sees      s_j and all p_j
        """
        contexts = F.pad(sizes.expand(slots.shape[1]), (past.shape[1], 0))
        groups = torch.arange(slots.shape[1], device=times.device).repeat(1 + past.shape[1] // slots.shape[1])
        mask = attention_mask(self.config.mask, times, contexts, groups, shared=False)
        return self._attend([observed, past, slots], mask)

    def _shared_slots(
        self, past: Tensor, observed: Tensor, times: Tensor, slots: Tensor, sizes: Int[Tensor, " k"]
    ) -> Float[Tensor, "tasks_k slots width"]:
        """Answers of slots that are parts of one state: they see each other, and the evidence sees them.

        Tokens in their order, and what each sees::

            full mask     p ... | e_1 ... e_n | s_1 ... s_m       every token sees every token

            causal mask   p ... | e_1 ... e_n | s | s(size_1) | ... | s(size_k)       s(size): a copy of s_1 ... s_m
            p sees        p and s
            e_i sees      p, e_1 ... e_i and s
            s sees        p and s: it is the state before the step, which no evidence has reached
            s(size) sees  p, e_1 ... e_size, s and s(size): the answer to this size, which no other token sees
        """
        if self.config.mask == "full":
            return self._attend([past, observed, slots], None)
        n, k = slots.shape[1], len(sizes)
        contexts = F.pad(sizes, (1, 0)).repeat_interleave(n)
        copies = torch.arange(1 + k, device=times.device).repeat_interleave(n)
        mask = attention_mask("causal", F.pad(times, (past.shape[1], 0)), contexts, copies, shared=True)
        answers = self._attend([past, observed, slots.repeat(1, 1 + k, 1)], mask)
        return answers[:, n:].reshape(-1, *slots.shape[1:])

    def _attend(self, parts: list[Tensor], mask: Bool[Tensor, "t t"] | None) -> Tensor:
        """All tokens through all blocks; the last part, which alone is read, comes back."""
        tokens, read = torch.cat(parts, dim=1), parts[-1].shape[1]
        for i, block in enumerate(self.blocks, start=1):
            tokens = block(tokens, mask, read if i == len(self.blocks) else None)
        return tokens

    def _evidence_tokens(
        self, state: State, evidence: Evidence
    ) -> tuple[Float[Tensor, "tasks e width"], Int[Tensor, " e"]]:
        """Tokens of observations, then of gradients, and the time of each: the observations that it depends on."""
        tasks, m, slots, _ = evidence.gradients.shape
        x, y = self.encode_x(evidence.pairs.x), self.encode_y(evidence.pairs.y)
        pairs = x + y + self.kinds[0]
        if self.encode_xy is not None:
            pairs = pairs + self.encode_xy(x * y)
        times = torch.arange(1, pairs.shape[1] + 1, device=x.device)
        if not m:
            return pairs, times
        each = -1 if self.interface.anchor != "x" else (-2, -1)  # one coordinate says how steep it is beside the others
        gradients = self.encode_gradient(normalised(evidence.gradients, each))
        gradients = self._anchored(gradients, state.anchor[:, None])
        gradients = (gradients + self.kinds[1]).reshape(tasks, m * slots, -1)
        gradient_times = torch.arange(1, m + 1, device=x.device).repeat_interleave(slots)
        return torch.cat([pairs, gradients], dim=1), torch.cat([times, gradient_times])

    def _past_tokens(self, state: State) -> Float[Tensor, "tasks p width"]:
        """Tokens of past states and their gradients, oldest first; none without a history window."""
        if self.encode_past is None:
            return state.value.new_zeros(state.value.shape[0], 0, self.config.width)
        anchor = state.anchor.repeat(1, state.past.shape[1] // state.value.shape[1], 1)
        return self._anchored(self.encode_past(state.past), anchor) + self.kinds[2]

    def _anchored(self, tokens: Tensor, anchor: Tensor) -> Tensor:
        """Tokens plus their anchors, which go through the encoder of the data that they resemble."""
        if self.interface.anchor == "none":
            return tokens
        return tokens + (self.encode_x if self.interface.anchor == "x" else self.encode_y)(anchor)

    def _rewrite(self, state: State, evidence: Evidence, change: Tensor, sizes: Tensor | None) -> State:
        """The next state from the output of the head; a history window moves on by the present state."""
        change = change.to(state.value.dtype)  # under autocast only the refiner is of less precision
        copies = change.shape[0] // state.value.shape[0]
        value, anchor, past = (t.repeat_interleave(copies, 0) for t in (state.value, state.anchor, state.past))
        if self.encode_past is not None:
            recent = value
            if evidence.gradients.numel():
                recent = torch.cat([value, mean_gradient(evidence.gradients, sizes, self.interface.running)], -1)
            past = torch.cat([past[:, recent.shape[1] :], recent], dim=1)
        match self.config.update:
            case "delta":
                value = value + change
            case "absolute":
                value = change
            case "simplex":
                value = (value.clamp_min(1e-9).log() + change).softmax(-1)
        return State(value, anchor, past)


def mean_gradient(
    gradients: Float[Tensor, "tasks m slots width"], sizes: Int[Tensor, " k"] | None, running: bool
) -> Float[Tensor, "tasks_k slots width"]:
    """The mean of the first `sizes` gradient tokens, or of all; `running` means are averaged already."""
    count = torch.arange(1, gradients.shape[1] + 1, device=gradients.device)
    sizes = count[-1:] if sizes is None else sizes.clamp(max=len(count))
    means = gradients if running else gradients.cumsum(1) / count.view(-1, 1, 1)
    return means[:, sizes - 1].flatten(0, 1)


def normalised(
    gradients: Float[Tensor, "*b slots width"], axes: int | tuple[int, int] = -1
) -> Float[Tensor, "*b slots width_plus_1"]:
    """Gradients divided by their RMS over some axes, and the log of that RMS as one more feature."""
    rms = gradients.square().mean(axes, keepdim=True).sqrt().clamp_min(1e-8)
    return torch.cat([gradients / rms, rms.log().expand_as(gradients[..., :1])], dim=-1)
