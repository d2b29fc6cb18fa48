"""r_gamma for tasks that ask how the features of x relate: its tokens are the ordered pairs of features.

It takes the place of `refiner.Refiner` where features have no meaning of their own: it is equivariant to their order.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iai.fields import config
from iai.model.attention import Block, Encoder, zero_linear
from iai.model.refiner import Interface, RefinerConfig
from iai.types import Evidence, State, UserError


@config
class RelationsConfig(RefinerConfig):
    """Size of a refiner of relations; a layer of `depth` is two blocks, along causes and along effects.

    It has `tied_qk`, and `update` "delta" or "absolute"; its mask is "full".
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask != "full" or self.update == "simplex":
            raise UserError("relations see all of a mini-batch, and refine logits: mask='full', update='delta'")


class Embedding(nn.Module):
    """Mean embeddings of pairs of features: E[phi(x_i) psi(x_j)] over a mini-batch, with learned phi and psi.

    With random ones it is the classifier of cause and effect of Lopez-Paz et al. (2015).
    """

    def __init__(self, width: int, scale: float):
        super().__init__()
        self.scale, self.features = scale, nn.Linear(1, 2 * width)
        nn.init.normal_(self.features.weight)
        nn.init.normal_(self.features.bias)
        self.out = Encoder(width, width, 0.3)  # about the RMS of a product of two sines' means

    def forward(self, x: Float[Tensor, "tasks n d"]) -> Float[Tensor, "tasks d d width"]:
        """One vector a pair (i, j), whatever the order of the observations."""
        phi, psi = self.features(x[..., None] / self.scale).sin().chunk(2, dim=-1)
        return self.out(torch.einsum("tnif,tnjf->tijf", phi, psi) / max(x.shape[1], 1))


class Relations(nn.Module):
    """A refiner of logits of i -> j for all pairs: slot i holds those of one i. Blocks attend along i and along j."""

    def __init__(self, config: RelationsConfig, interface: Interface):
        super().__init__()
        if interface.slot != interface.dx or interface.past:
            raise UserError("relations refine logits of pairs of features: implicit, space='logits', history=0")
        self.config, self.interface = config, interface
        self.embed = Embedding(config.width, interface.x_scale)
        self.encode_state = Encoder(2, config.width)
        self.same = nn.Parameter(torch.randn(config.width))  # of the pairs (i, i)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.feedforward, config.tied_qk) for _ in range(2 * config.depth)
        )
        self.norm, self.head = nn.LayerNorm(config.width), zero_linear(config.width, 1)

    def forward(self, state: State, evidence: Evidence, sizes: None = None) -> State:
        """The state after all observations; of `evidence` only x is read."""
        if state.value.shape[1] != self.interface.dx:
            raise UserError(f"{state.value.shape[1]} queries: ask about all {self.interface.dx} features at once")
        known = torch.stack([state.value, state.value.mT], dim=-1)
        same = torch.eye(known.shape[1], device=known.device)[..., None] * self.same
        pairs = self.embed(evidence.pairs.x) + self.encode_state(known) + same
        tasks, d, _, width = pairs.shape
        for along_effects, along_causes in zip(self.blocks[::2], self.blocks[1::2]):
            pairs = along_effects(pairs.reshape(-1, d, width), None).view(tasks, d, d, width)
            pairs = along_causes(pairs.transpose(1, 2).reshape(-1, d, width), None)
            pairs = pairs.view(tasks, d, d, width).transpose(1, 2)
        change = self.head(self.norm(pairs))[..., 0].to(state.value.dtype)
        value = change if self.config.update == "absolute" else state.value + change
        return State(value, state.anchor, state.past)
