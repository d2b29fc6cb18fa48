"""The three regimes of f(x, g(D_T)): what the state means, what a refiner reads of a batch, how a state predicts.

Parametric and explicit are one class: the state is theta, decoded by a known likelihood or by a learned one.
Implicit is the other: the state is the prediction at each query itself. Both have `init` (the state before any batch),
`evidence` (what a refiner may read of a batch), `f` (the predictions of a state, eq. 5) and `interface` (what a
refiner of its states must be built for); no other code knows which regime it runs.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import grad, vmap

from iai.fields import Count, checked, config
from iai.losses import LOSSES, MEANS
from iai.model.refiner import Anchor, Interface
from iai.types import Batch, Decode, Evidence, State, Task, UserError, full_precision

Signals = Literal["grad", "data", "grad+data", "residual", "grad+residual"]
GradientTokens = Literal["mean", "sample", "running"]
Space = Literal["logits", "latent", "softmax"]


@config
class Signal:
    """Which signals of a batch are evidence, the tokens of gradients, and the number of past states that are kept."""

    kind: Signals = "grad+data"
    tokens: GradientTokens = "mean"
    """One mean a batch, one a sample, or the running mean after each sample (for causal masks)."""
    history: Count = 0

    @property
    def gradients(self) -> bool:
        """Whether gradients are evidence."""
        return "grad" in self.kind

    @property
    def data(self) -> bool:
        """Whether observations are evidence, as they are or as residuals."""
        return self.kind != "grad"

    @property
    def residual(self) -> bool:
        """Whether observations are shown as (x, y - E[y | x, state]): how wrong the state is, point by point."""
        return "residual" in self.kind


class Parameters(nn.Module):
    """theta as the state: slots that `decode` turns into predictions (eq. 7). Explicit if `decode` has weights."""

    anchor: Tensor
    decode: Decode

    def __init__(
        self,
        decode: Decode,
        loss: str,
        shape: tuple[int, int],
        signal: Signal,
        anchor: Anchor = "none",
        inputs: Float[Tensor, "slots dx"] | None = None,
        memory: int = 0,
    ):
        """`loss` is a name in `losses.LOSSES`, `shape` is (slots, width) of theta.

        Slot c is the row of class c, anchored at the one-hot label c ("y"), or is anchored at row c of `inputs` ("x").
        Beside its part of theta, a slot has `memory` times as many numbers that `decode` never reads; `UserError` for
        these together with a history window.
        """
        super().__init__()
        self.decode, self.loss, self.mean, self.signal = decode, LOSSES[loss], MEANS[loss], signal
        if memory and signal.history:
            raise UserError("a history window keeps all of a state: choose memory=0 or Signal(history=0)")
        self.slots, self.width = shape
        self.memory = memory * self.width
        self.past = self.width * (1 + signal.gradients) if signal.history else 0
        self.initial = nn.Parameter(torch.zeros(self.width + self.memory))
        self.about = anchor
        anchors = {"none": torch.zeros(self.slots, 0), "y": torch.eye(self.slots), "x": inputs}
        self.register_buffer("anchor", anchors[anchor], persistent=False)

    def init(self, x: Float[Tensor, "tasks q dx"]) -> State:
        """theta_0 and its memory, learned, the same in every slot; only the number of tasks is read from x."""
        value = self.initial.expand(x.shape[0], self.slots, -1)
        past = value.new_zeros(x.shape[0], self.signal.history * self.slots, self.past)
        return State(value, self.anchor.expand(x.shape[0], -1, -1), past)

    @torch.no_grad()
    def evidence(self, state: State, batch: Batch) -> Evidence:
        """Observations or their residuals, and gradients of the batch loss at the state, always detached."""
        theta = state.value[..., : self.width]
        with full_precision(theta.device):
            gradients = self._gradients(theta, batch) if self.signal.gradients else theta[:, None][:, :0]
            if self.signal.residual:
                batch = Batch(batch.x, batch.y - self.mean(vmap(self.decode)(batch.x, theta)))
        return Evidence(batch if self.signal.data else batch[:0], gradients)

    def f(self, x: Float[Tensor, "tasks q dx"], state: State) -> Float[Tensor, "tasks q dy"]:
        """decode(x, theta), task by task."""
        with full_precision(x.device):
            return vmap(self.decode)(x, state.value[..., : self.width])

    def interface(self, data: Task | Interface) -> Interface:
        """Slots are anchored at labels, inputs or, if alone, nothing; a remembered one has its gradient beside it."""
        tokens = self.signal.tokens if self.signal.gradients else "none"
        expected = {"none": (1, 0), "y": (data.dy, data.dy), "x": (self.slots, data.dx)}[self.about]
        if tuple(self.anchor.shape) != expected:
            raise UserError(
                f"{self.slots} slots, {data.dx} inputs and {data.dy} labels: a theta has one slot, or one an input or"
                " a label and is anchored there"
            )
        means = {"running": tokens == "running", "whole": tokens == "mean"}
        slot = {"slot": self.width + self.memory, "memory": self.memory}
        return Interface.of(data, **slot, past=self.past, anchor=self.about, **means)

    def _gradients(self, theta: Tensor, batch: Batch) -> Float[Tensor, "tasks m slots width"]:
        """Gradients of the loss in theta: the mean of the batch, one a sample, or the running means."""

        def loss(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
            return self.loss(self.decode(x, theta), y).mean()

        if self.signal.tokens == "mean":
            return vmap(grad(loss))(theta, batch.x, batch.y)[:, None]
        samples = vmap(vmap(grad(loss), in_dims=(None, 0, 0)))(theta, batch.x[:, :, None], batch.y[:, :, None])
        if self.signal.tokens == "sample":
            return samples
        return samples.cumsum(1) / torch.arange(1, batch.points + 1, device=theta.device).view(1, -1, 1, 1)


class Predictions(nn.Module):
    """y_hat as the state, one slot a query, anchored at its x (eq. 8)."""

    def __init__(
        self, dy: int, space: Space = "logits", width: int | None = None, history: int = 0, alike: bool = False
    ):
        """`space` is where predictions are refined, `width` that of a latent; `alike` features share their start."""
        super().__init__()
        self.dy, self.space, self.history = dy, checked("space", space, Space), history
        self.width = (width or 4 * dy) if space == "latent" else dy
        self.past = self.width if history else 0
        self.initial = nn.Parameter(torch.zeros(1 if alike else self.width))
        self.read = nn.Linear(self.width, dy) if space == "latent" else nn.Identity()

    def init(self, x: Float[Tensor, "tasks q dx"]) -> State:
        """y_hat_0, learned, the same for every query: ideally the marginal prediction."""
        initial = self.initial.softmax(-1) if self.space == "softmax" else self.initial
        past = initial.new_zeros(x.shape[0], self.history * x.shape[1], self.past)
        return State(initial.expand(*x.shape[:2], self.width), x, past)

    def evidence(self, state: State, batch: Batch) -> Evidence:
        """Observations alone: there are no parameters to differentiate in."""
        return Evidence(batch, state.value[:, None][:, :0])

    def f(self, x: Float[Tensor, "tasks q dx"], state: State) -> Float[Tensor, "tasks q dy"]:
        """read(slot): the slot itself for logits, its logarithm for probabilities."""
        with full_precision(x.device):
            return state.value.clamp_min(1e-9).log() if self.space == "softmax" else self.read(state.value)

    def interface(self, data: Task | Interface) -> Interface:
        """Slots are anchored at queries, and independent; on the simplex their scale is that of a uniform softmax."""
        scale = {"simplex": True, "slot_scale": 1 / self.dy} if self.space == "softmax" else {}
        return Interface.of(data, dy=self.dy, slot=self.width, past=self.past, anchor="x", independent=True, **scale)


class Decoder(nn.Module):
    """The learned likelihood of the explicit regime: features of x times features of a code, summed and corrected.

    The sum alone contains the linear model and, with a code for each class, the linear softmax.
    """

    def __init__(self, dx: int, dy: int, latent: int, width: int = 96):
        """Predictions of `dy` outputs, each from a code of `latent` numbers and the same weights."""
        super().__init__()
        self.dy, self.scale = dy, width**-0.5
        self.inputs, self.code = nn.Linear(dx, width), nn.Linear(latent, width)
        self.hidden, self.out = nn.Linear(width, width), nn.Linear(width, 1)

    def forward(self, x: Float[Tensor, "n dx"], latent: Float[Tensor, "slots width"]) -> Float[Tensor, "n dy"]:
        """Predictions of one task from its codes: a slot an output, or all in one slot."""
        features = self.inputs(x)[:, None] * self.code(latent.reshape(self.dy, -1))  # (n, dy, width)
        correction = self.out(nn.functional.gelu(self.hidden(features)))[..., 0]
        return self.scale * features.sum(-1) + correction
