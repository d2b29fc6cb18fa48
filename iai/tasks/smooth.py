"""Smooth functions on a line or a square: Gaussian processes of finitely many features, as numbers or as classes."""

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import one_hot

from iai.fields import Amount, Size, config
from iai.types import Batch

EDGE = 2.0
"""Inputs are uniform on [-EDGE, EDGE] in each direction."""
WALL = 4.0
"""Features are sines that are 0 at -WALL and WALL, far enough to be felt little inside the edges."""


@config
class Smooth:
    """f = sum_j s_j w_j phi_j with w ~ N(0, I), y = f(x) + N(0, noise_sd^2), x uniform within the edges.

    phi are the first `features` sines on [-WALL, WALL] in each direction (their products on a square) and s_j^2 is the
    spectral density of a squared-exponential kernel of unit variance and this `length`, over WALL, which normalises
    the sines (Solin and Sarkka 2020). So f is that Gaussian process to a small error, and linear in theta = w exactly.
    """

    dimension: Size = 1
    length: Amount = 0.5
    noise_sd: Amount = 0.1
    features: Size = 20

    loss: ClassVar[str] = "squared_error"

    @property
    def dx(self) -> int:
        return self.dimension

    @property
    def dy(self) -> int:
        return 1

    @property
    def x_scale(self) -> float:
        """RMS of one entry of x."""
        return EDGE / math.sqrt(3)

    @property
    def y_scale(self) -> float:
        """RMS of y, where the variance of f is 1."""
        return math.sqrt(1 + self.noise_sd**2)

    @property
    def theta_shape(self) -> tuple[int, int]:
        """Slots and width of theta: one slot with a weight a feature."""
        return (1, self.features**self.dimension)

    def scales(self, device: torch.device | str = "cpu") -> Float[Tensor, " features"]:
        """s_j of the features in one direction, in double precision; computed on the device, so that no draw waits."""
        j = torch.arange(1, self.features + 1, device=device, dtype=torch.float64)
        frequencies = math.pi * j / (2 * WALL)
        density = math.sqrt(2 * math.pi) * self.length * (-(frequencies * self.length).square() / 2).exp()
        return (density / WALL).sqrt()

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        """Observations of new functions, x `tasks points dimension` and y `tasks points dy`."""
        theta = torch.randn(tasks, *self.theta_shape, generator=generator, device=generator.device)
        x = torch.rand(tasks, points, self.dimension, generator=generator, device=generator.device)
        x = EDGE * (2 * x - 1)
        return Batch(x, self.observed(self.design(x) @ theta.mT, generator))

    def observed(self, f: Tensor, generator: torch.Generator) -> Tensor:
        """f with noise."""
        return f + self.noise_sd * torch.randn(f.shape, generator=generator, device=f.device)

    def decode(self, x: Float[Tensor, "n dx"], theta: Float[Tensor, "slots width"]) -> Float[Tensor, "n dy"]:
        """f of one task."""
        return self.design(x) @ theta.mT

    def design(self, x: Float[Tensor, "*batch dx"]) -> Float[Tensor, "*batch width"]:
        """s_j phi_j(x), in several directions the products."""
        scales = self.scales(x.device).to(x.dtype)
        j = torch.arange(1, self.features + 1, device=x.device, dtype=x.dtype)
        each = scales * (math.pi * j * (x[..., None] + WALL) / (2 * WALL)).sin()  # (..., dx, features)
        found = each[..., 0, :]
        for i in range(1, self.dimension):
            found = (found[..., :, None] * each[..., i, None, :]).flatten(-2)
        return found


@config
class SmoothClasses(Smooth):
    """One of `classes` by softmax(f / noise_sd): a class has a `Smooth` function and an offset N(0, 1), last in theta.

    Offsets let some tasks have few classes, and others all.
    """

    dimension: Size = 2
    length: Amount = 1.0
    features: Size = 10
    classes: Size = 4

    loss: ClassVar[str] = "cross_entropy"

    @property
    def dy(self) -> int:
        return self.classes

    @property
    def y_scale(self) -> float:
        """RMS of one entry of a one-hot label."""
        return 1 / math.sqrt(self.classes)

    @property
    def theta_shape(self) -> tuple[int, int]:
        """A slot a class."""
        return (self.classes, self.features**self.dimension + 1)

    def observed(self, f: Tensor, generator: torch.Generator) -> Tensor:
        """One-hot labels; Gumbel noise draws from the softmax."""
        uniform = torch.rand(f.shape, generator=generator, device=f.device).clamp(1e-9, 1 - 1e-7)
        return one_hot((f / self.noise_sd - (-uniform.log()).log()).argmax(-1), self.classes).to(f)

    def decode(self, x: Float[Tensor, "n dx"], theta: Float[Tensor, "slots width"]) -> Float[Tensor, "n dy"]:
        """Logits of one task."""
        return super().decode(x, theta) / self.noise_sd

    def design(self, x: Float[Tensor, "*batch dx"]) -> Float[Tensor, "*batch width"]:
        """The features of x, and a 1 for the offset."""
        return torch.cat([super().design(x), torch.ones_like(x[..., :1])], dim=-1)
