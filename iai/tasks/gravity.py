"""Gravity, the paper's running example: Newton's law is the same on all planets, and each has its own g."""

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from iai.fields import Amount, config
from iai.types import Batch

EARTH = 9.81
"""Gravity at the surface of the Earth, in m/s^2."""


@config
class Gravity:
    """A task is a planet: y is the height in metres of a body, t seconds after it was thrown up at v m/s.

    x = (t, v), y = v t - g t^2 / 2 + N(0, noise_sd^2), t ~ U(0, seconds), v ~ U(0, speed). theta is g in
    units of the Earth's, uniform from the Moon's (0.17) to Jupiter's (2.53), so a typical theta is near 1.
    Heights are measured from the hand, on a cliff: they may be negative.
    """

    seconds: Amount = 2.0
    speed: Amount = 5.0
    noise_sd: Amount = 1.0
    weakest: float = 0.17
    strongest: float = 2.53

    loss: ClassVar[str] = "squared_error"
    dx: ClassVar[int] = 2
    dy: ClassVar[int] = 1
    theta_shape: ClassVar[tuple[int, int]] = (1, 1)

    @property
    def x_scale(self) -> float:
        """RMS of one entry of x, over both entries."""
        return math.sqrt((self.seconds**2 + self.speed**2) / 6)

    @property
    def y_scale(self) -> float:
        """sqrt E[y^2], in metres, from the moments of the three uniform laws."""
        low, high = EARTH * self.weakest, EARTH * self.strongest
        g, g2 = (low + high) / 2, (low**2 + low * high + high**2) / 3
        thrown = self.speed**2 / 3 * self.seconds**2 / 3
        both = self.speed / 2 * self.seconds**3 / 4 * g
        fallen = g2 * self.seconds**4 / 20
        return math.sqrt(thrown - both + fallen + self.noise_sd**2)

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        """Observations of new planets, x `tasks points 2` and y `tasks points 1`."""
        device = generator.device
        share = torch.rand(tasks, 1, 1, generator=generator, device=device)
        theta = self.weakest + (self.strongest - self.weakest) * share
        time, speed = torch.rand(tasks, points, 2, generator=generator, device=device).unbind(-1)
        x = torch.stack([time * self.seconds, speed * self.speed], dim=-1)
        noise = torch.randn(tasks, points, 1, generator=generator, device=device)
        return Batch(x, vmap(self.decode)(x, theta) + self.noise_sd * noise)

    def decode(self, x: Float[Tensor, "n dx"], theta: Float[Tensor, "slots width"]) -> Float[Tensor, "n dy"]:
        """The known physics of one planet: the height in metres of x = (t, v), for theta = g / 9.81."""
        t, v = x[:, :1], x[:, 1:]
        return v * t - EARTH * theta.reshape(1, 1) * t.square() / 2
