"""Theory of linear regression, to compare learners with.

Variances are those of one coordinate of theta, so that raw MSE = dimension * variance + noise variance.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from iai.types import Batch, UserError


def ridge_variance(variance: float, dimension: int, points: int, noise_variance: float) -> float:
    """Posterior variance after `points` standard normal inputs and a prior N(., variance I).

    The mean of tr(X'X / noise_variance + I / variance)^-1 / dimension as dimension and points grow together: the
    root of D u^2 + ((B - D) v + s) u - s v = 0 (Marchenko and Pastur 1967).
    """
    b = (points - dimension) * variance + noise_variance
    root = math.sqrt(b * b + 4 * dimension * noise_variance * variance)
    # The larger of two forms of the same root, so that nothing cancels.
    return 2 * noise_variance * variance / (b + root) if b > 0 else (root - b) / (2 * dimension)


def gradient_variance(variance: float, dimension: int, points: int, noise_variance: float) -> float:
    """Error variance after the best multiple of one mini-batch gradient, from errors N(0, variance I).

    Exact for standard normal inputs, of which E (X'X / B)^2 = (1 + (D + 1) / B) I.
    """
    noise = variance * (dimension + 1) + noise_variance
    return variance * noise / (variance * points + noise)


def same_gradient(
    theta: Float[Tensor, " d"],
    gradient: Float[Tensor, " d"],
    solution: Float[Tensor, " d"],
    points: int,
    generator: torch.Generator,
) -> Batch:
    """A data set of one task whose mean squared error has this gradient at theta and its least squares at `solution`.

    With s = 2 (theta - solution), P = s s' / s'g + |s| / |g| (I - g g' / g'g) maps g to s and is positive definite if
    s'g > 0; inputs of second moment P^-1 do the rest. `UserError` where s'g <= 0: then there is no such data set.
    """
    away, d = 2 * (theta - solution), len(theta)
    if away @ gradient <= 0:
        raise UserError("no data set has this gradient and this solution: a gradient points away from the solution")
    if points < d:
        raise UserError(f"{points} points do not determine {d} parameters: ask for {d} or more")
    across = torch.eye(d, dtype=theta.dtype) - torch.outer(gradient, gradient) / gradient.dot(gradient)
    inverse = torch.outer(away, away) / away.dot(gradient) + across * away.norm() / gradient.norm()
    factor = torch.linalg.cholesky(torch.linalg.inv(inverse))
    frame = torch.linalg.qr(torch.randn(points, d, generator=generator, dtype=theta.dtype)).Q
    x = points**0.5 * frame @ factor.T
    return Batch(x[None], (x @ solution)[None, :, None])
