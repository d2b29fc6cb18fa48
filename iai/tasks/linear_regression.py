"""Linear regression: y = w x + b + noise, with a standard normal prior on the weights and the bias."""

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from iai.fields import Amount, Size, config
from iai.types import Batch


@config
class LinearRegression:
    """w ~ N(0, I), b ~ N(0, 1), y = w x + b + N(0, noise_variance); a coordinate of x has mean 0, variance 1.

    `inputs` is the law of x: "normal"; "uniform" on [-sqrt 3, sqrt 3]; "sphere" of radius sqrt d.
    """

    dimension: Size = 10
    bias: bool = True
    noise_variance: Amount = 0.25
    inputs: Literal["normal", "uniform", "sphere"] = "normal"

    loss: ClassVar[str] = "squared_error"
    dy: ClassVar[int] = 1

    @property
    def dx(self) -> int:
        return self.dimension

    @property
    def theta_shape(self) -> tuple[int, int]:
        """Slots and width of theta: the weights, then the bias, as one vector."""
        return (1, self.dimension + self.bias)

    @property
    def y_scale(self) -> float:
        """sqrt E[y^2]: every weight and the bias add 1 to the variance of y."""
        return math.sqrt(self.dimension + self.bias + self.noise_variance)

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        """Observations of new tasks, x `tasks points d` and y `tasks points 1`."""
        device = generator.device
        theta = torch.randn(tasks, self.dimension + self.bias, 1, generator=generator, device=device)
        if self.inputs == "uniform":
            x = math.sqrt(3) * (2 * torch.rand(tasks, points, self.dimension, generator=generator, device=device) - 1)
        else:
            x = torch.randn(tasks, points, self.dimension, generator=generator, device=device)
        if self.inputs == "sphere":
            x = math.sqrt(self.dimension) * x / x.norm(dim=-1, keepdim=True)
        noise = torch.randn(tasks, points, 1, generator=generator, device=device)
        return Batch(x, self.design(x) @ theta + math.sqrt(self.noise_variance) * noise)

    def decode(self, x: Float[Tensor, "n dx"], theta: Float[Tensor, "slots width"]) -> Float[Tensor, "n dy"]:
        return self.design(x) @ theta.reshape(-1, 1)

    def design(self, x: Float[Tensor, "*batch dx"]) -> Float[Tensor, "*batch d"]:
        """The inputs with a column of ones where there is a bias, so that y = design(x) theta."""
        return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1) if self.bias else x
