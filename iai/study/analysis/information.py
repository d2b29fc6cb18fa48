"""What a mini-batch of a linear regression says of theta, and what its mean gradient says, in nats.

Throughout, e = theta* - theta is the error of the state, N(0, variance I) in D dimensions; a mini-batch has B points
with inputs N(0, I), targets X theta* + N(0, noise) and no bias; and m = X'(y - X theta) / B, which is minus half its
mean gradient.
"""

import math

import torch
from jaxtyping import Float
from scipy.special import gammaln
from scipy.stats import chi2
from torch import Tensor


def batch_information(
    variance: float, dimension: int, points: int, noise: float, generator: torch.Generator, draws: int = 256
) -> float:
    """I(e; X, y) = E log det(I + variance X X' / noise) / 2, with the mean over so many draws of X.

    It is also I(e; m | X), what the gradient says to who knows the inputs: given them X'y is a sufficient statistic.
    """
    x = torch.randn(draws, points, dimension, generator=generator, dtype=torch.float64)
    return float(torch.linalg.eigvalsh(x @ x.mT).clamp_min(0).mul(variance / noise).log1p().sum(-1).mean() / 2)


def gradient_information(
    variance: float, dimension: int, points: int, noise: float, generator: torch.Generator, draws: int = 4096
) -> tuple[float, float]:
    """I(e; m) where inputs are not known, and the variance of e that the best predictor E[e | m] leaves.

    The residuals s = Xe + noise have squared length (|e|^2 + noise) q with q ~ chi^2_B, and given them m is Gaussian:

        m | e, q ~ N(q e / B, q ((|e|^2 + noise) I - e e') / B^2) .

    So p(m | e) is an integral over q. By symmetry p(m) depends on |m| alone, whose density is the mean, over draws of
    |e|, of q and of the part of m along e, of that of a multiple of chi^2_(D-1). `dimension` must be 2 or more.
    """
    across = dimension - 1

    def chi_squared(freedom: int) -> Float[Tensor, " draws"]:
        return torch.randn(draws, freedom, generator=generator, dtype=torch.float64).square().sum(-1)

    size, q = variance * chi_squared(dimension), chi_squared(points)
    spread = torch.randn(draws, generator=generator, dtype=torch.float64)
    along = size.sqrt() * q / points + (noise * q).sqrt() / points * spread
    scale = (size + noise) * q / points**2  # of m across e, squared, for each dimension
    rest = scale * chi_squared(across)
    length = along.square() + rest

    # log p(m | e): q at the middles of equally likely intervals
    quantiles = torch.from_numpy(chi2.ppf((torch.arange(1024) + 0.5).numpy() / 1024, points))
    first = _normal(along[:, None], size.sqrt()[:, None] * quantiles / points, noise * quantiles / points**2)
    other = (size + noise)[:, None] * quantiles / points**2
    given = first - across / 2 * (2 * math.pi * other).log() - rest[:, None] / (2 * other)
    conditional = given.logsumexp(-1) - math.log(len(quantiles))

    # log p(m): a row for each m, a column for each draw that it could have come from
    left = (length[:, None] - along.square()) / scale
    chi = (across / 2 - 1) * left.clamp_min(1e-300).log() - left / 2 - across / 2 * math.log(2) - gammaln(across / 2)
    weight = torch.where(left > 0, chi - scale.log(), -torch.inf)
    area = math.log(math.pi) * dimension / 2 - gammaln(dimension / 2) + (dimension / 2 - 1) * length.log()
    marginal = weight.logsumexp(-1) - math.log(draws) - area

    explained = (weight.softmax(-1) @ (size.sqrt() * along)).square() / length  # |E[e | m]|^2
    return float((conditional - marginal).mean()), variance - float(explained.mean()) / dimension


def _normal(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """The logarithm of a normal density."""
    return -((x - mean).square() / variance + (2 * math.pi * variance).log()) / 2
