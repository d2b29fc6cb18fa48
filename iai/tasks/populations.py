"""Generation as regression: points of a task's distribution, on straight paths from noise (flow matching).

The convention, everywhere: z is a data point, e ~ N(0, I) its noise, x_t = (1 - t) e + t z with t ~ U(0, 1), so that
noise is at t = 0 and data at t = 1. An observation is x = [x_t, t] with y = z - e, the velocity of its path. The
velocity field of the task is v(x_t, t) = E[y | x_t, t] (Lipman et al. 2023), and queries ask for it at other points.
A pair determines its data point, z = x_t + (1 - t) y: nothing is lost.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from iai.types import Batch

Theta = Float[Tensor, "tasks slots width"]
"""What decides the distribution of each task."""
Points = Float[Tensor, "tasks n d"]
"""Data points z of each task."""


class Population(ABC):
    """A task of distributions of points in `dimension` d, each of its own, to draw from: x = [x_t, t] and y = z - e."""

    loss: ClassVar[str] = "squared_error"
    dimension: int

    @abstractmethod
    def draw(self, generator: torch.Generator, tasks: int) -> Theta:
        """What decides the distributions of new tasks."""

    @abstractmethod
    def points(self, generator: torch.Generator, theta: Theta, count: int) -> Points:
        """`count` independent points of each distribution."""

    @property
    def second_moment(self) -> float:
        """E[z^2] of one entry of a data point."""
        return 1.0

    @property
    def dx(self) -> int:
        return self.dimension + 1

    @property
    def dy(self) -> int:
        return self.dimension

    @property
    def x_scale(self) -> float:
        """RMS of one entry of x, over x_t and t."""
        squares = self.dimension * (1 + self.second_moment) / 3  # E[(1 - t)^2] = E[t^2] = 1/3
        return math.sqrt((squares + 1 / 3) / (self.dimension + 1))

    @property
    def y_scale(self) -> float:
        """RMS of one entry of y."""
        return math.sqrt(1 + self.second_moment)

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        """Observations of new tasks, x `tasks points d + 1` and y `tasks points d`."""
        return interpolated(generator, self.points(generator, self.draw(generator, tasks), points))


def interpolated(generator: torch.Generator, z: Points) -> Batch:
    """One observation x = [x_t, t], y = z - e of each data point, with noise e and time t of its own."""
    e = torch.randn(z.shape, generator=generator, device=z.device)
    t = torch.rand(*z.shape[:2], 1, generator=generator, device=z.device)
    return Batch(torch.cat([(1 - t) * e + t * z, t], dim=-1), z - e)


def data_points(data: Batch) -> Points:
    """z = x_t + (1 - t) y: the data points behind observations."""
    return data.x[..., :-1] + (1 - data.x[..., -1:]) * data.y
