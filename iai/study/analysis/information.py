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
) -> tuple[float, float]:
    """I(e; X, y) = E log det(I + variance X X' / noise) / 2, and the variance of e that the posterior leaves.

    Means over so many draws of X. It is also I(e; m | X), what the gradient says to who knows the inputs: given them
    X'y is a sufficient statistic.
    """
    x = torch.randn(draws, points, dimension, generator=generator, dtype=torch.float64)
    gains = torch.linalg.eigvalsh(x @ x.mT).clamp_min(0) * variance / noise
    explained = float((gains / (1 + gains)).sum(-1).mean()) / dimension
    return float(gains.log1p().sum(-1).mean()) / 2, variance * (1 - explained)


def gradient_log_density(
    along: Float[Tensor, " n"],
    across: Float[Tensor, " n"],
    size: Float[Tensor, " n"],
    dimension: int,
    points: int,
    noise: float,
) -> Float[Tensor, " n"]:
    """log p(m | e) from the part of m along e, and the squares of its length across e and of |e|.

    The residuals s = Xe + noise have squared length (|e|^2 + noise) q with q ~ chi^2_B, and given them m is Gaussian:

        m | e, q ~ N(q e / B, q ((|e|^2 + noise) I - e e') / B^2) .

    The integral over q is a mean over the middles of 256 equally likely intervals.
    """
    q = torch.from_numpy(chi2.ppf((torch.arange(256) + 0.5).numpy() / 256, points))
    along, across, size = along[:, None], across[:, None], size[:, None]
    mean, variance, other = q * size.sqrt() / points, q * noise / points**2, q * (size + noise) / points**2
    squares = (along - mean).square() / variance + across / other
    scales = (2 * math.pi * variance).log() + (dimension - 1) * (2 * math.pi * other).log()
    return (-(squares + scales) / 2).logsumexp(-1) - math.log(len(q))


def gradient_information(
    variance: float, dimension: int, points: int, noise: float, generator: torch.Generator, draws: int = 4096
) -> tuple[float, float]:
    """I(e; m) where inputs are not known, and the variance of e that the best predictor E[e | m] leaves.

    By symmetry p(m) depends on |m| alone, whose density is the mean, over draws of |e|, of q and of the part of m along
    e, of that of a multiple of chi^2_(D-1) (`gradient_log_density` has p(m | e)). `dimension` must be 2 or more.
    """

    def chi_squared(freedom: int) -> Float[Tensor, " draws"]:
        return torch.randn(draws, freedom, generator=generator, dtype=torch.float64).square().sum(-1)

    size, q = variance * chi_squared(dimension), chi_squared(points)
    spread = torch.randn(draws, generator=generator, dtype=torch.float64)
    along = size.sqrt() * q / points + (noise * q).sqrt() / points * spread
    scale, freedom = (size + noise) * q / points**2, dimension - 1  # of the square of m across e
    across = scale * chi_squared(freedom)
    length = along.square() + across
    # a row for each m, a column for each draw that it could have come from
    rest = (length[:, None] - along.square()) / scale
    chi = (freedom / 2 - 1) * rest.clamp_min(1e-300).log() - rest / 2 - freedom / 2 * math.log(2) - gammaln(freedom / 2)
    weight = torch.where(rest > 0, chi - scale.log(), -torch.inf).fill_diagonal_(
        -torch.inf
    )  # another draw than its own
    sphere = dimension / 2 * math.log(math.pi) - gammaln(dimension / 2) + (dimension / 2 - 1) * length.log()
    alone = weight.logsumexp(-1) - math.log(draws - 1) - sphere
    given = gradient_log_density(along, across, size, dimension, points, noise)
    # control variates of a linear learner: `alike` has mean zero, and its error is known
    total, product = variance * (1 + (dimension + 1) / points) + noise / points, size.sqrt() * along  # E m^2, e'm
    linear = variance - variance**2 / total
    alike = length / (2 * total) - (length - 2 * product + size) / (2 * (total - variance))
    gain = (weight.softmax(-1) @ product) / length - variance / total  # E[e | m] is m times this and the linear gain
    better = (2 * gain * (product - variance / total * length) - gain.square() * length).mean()
    return float((given - alone - alike).mean()), linear - float(better) / dimension


def gradient_error_with_bias(
    variance: float, inputs: int, points: int, noise: float, generator: torch.Generator, draws: int = 200_000
) -> float:
    """The variance of a coordinate of e that E[e | m] leaves where one of the parameters is a bias, whose input is 1.

    By symmetry E[e | m] is, for the inputs, m times a function of |m| over them and of m at the bias, and for the bias
    another such function. Both are means over bins of half the draws, and are judged on the other half.
    """

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    size, bias = variance**0.5 * normal(draws, inputs).norm(dim=-1), variance**0.5 * normal(draws)
    z = normal(draws, points)  # inputs along e
    residuals = size[:, None] * z + bias[:, None] + noise**0.5 * normal(draws, points)
    along, mean = (z * residuals).mean(1), residuals.mean(1)
    across = normal(draws, inputs - 1).square().sum(1) * residuals.square().sum(1) / points**2
    length, product = along.square() + across, size * along
    bins, edges = 32, torch.linspace(0, 1, 33, dtype=torch.float64)[1:-1]
    places = [torch.bucketize(value, value.quantile(edges)) for value in (length, mean)]
    place, half = bins * places[0] + places[1], draws // 2
    sums = [
        torch.zeros(bins**2, dtype=torch.float64).index_add(0, place[:half], value[:half])
        for value in (product, length, bias)
    ]
    count = place[:half].bincount(minlength=bins**2).clamp_min(1)
    gain, shift = (sums[0] / sums[1].clamp_min(1e-12))[place], (sums[2] / count)[place]
    left = size.square() - 2 * gain * product + gain.square() * length + (bias - shift).square()
    return float(left[half:].mean()) / (inputs + 1)
