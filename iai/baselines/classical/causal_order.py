"""Causal orders without learning: variables sorted by one number each, SCORE, and DirectLiNGAM and PC of causal-learn.

Predictions are logits of i -> j: the rank of j minus that of i, but for PC, which finds edges. Without a batch they
are those of the order of the names.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated, Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from iai.fields import Amount, Bounds, Size, config
from iai.tasks import standardised
from iai.types import Batch, UserError, concat


@config
class SortBy:
    """Variables sorted, causes first, by one number of each, of all the observations seen.

    "variance": the marginal variance (Reisach et al. 2021), at chance where variables are standardised. "r2": the
    share of variance that all others explain linearly (Reisach et al. 2023). "none": the order in which the nodes
    are named, which is a random one.
    """

    number: Literal["variance", "r2", "none"]

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q d"]) -> Float[Tensor, "tasks q d"]:
        if self.number == "none" or not any(batch.points for batch in batches):
            return precedence(torch.arange(x.shape[2], dtype=x.dtype, device=x.device).expand(x.shape[0], -1), x)
        seen = concat(batches).x
        return precedence(seen.var(1, correction=0) if self.number == "variance" else r2(seen), x)


@config
class Score:
    """SCORE (Rolland et al. 2022), which finds the order of nonlinear models with additive Gaussian noise.

    The second derivative of the log density in x_i is constant if and only if i is a leaf. It is estimated by Stein's
    identity with a kernel of the median distance as width; the variable whose estimate varies least is removed.
    """

    ridge: Amount = 0.01
    most: Size = 256
    """Observations used: the first ones."""

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q d"]) -> Float[Tensor, "tasks q d"]:
        if sum(batch.points for batch in batches) < 2:
            return SortBy(number="none")(batches, x)
        seen = concat(batches).x[:, : self.most]
        tasks, _, d = seen.shape
        left = torch.arange(d, device=x.device).expand(tasks, d)
        rank = torch.zeros(tasks, d, dtype=x.dtype, device=x.device)
        for place in range(d - 1, 0, -1):
            remaining = seen.gather(2, left[:, None].expand(-1, seen.shape[1], -1))
            leaf = curvature(remaining, self.ridge).var(1).argmin(-1, keepdim=True)
            rank = rank.scatter(1, left.gather(1, leaf), float(place))
            keep = torch.arange(left.shape[1], device=x.device) != leaf
            left = left[keep].view(tasks, -1)
        return precedence(rank, x)


@config
class DirectLiNGAM:
    """DirectLiNGAM (Shimizu et al. 2011), which finds the order of linear models with noise that is not Gaussian."""

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q d"]) -> Float[Tensor, "tasks q d"]:
        model = causal_learn("search.FCMBased.lingam").DirectLiNGAM
        order = task_by_task(lambda seen: model().fit(seen).causal_order_, batches, x)
        return SortBy(number="none")(batches, x) if order is None else precedence(order.argsort(-1).to(x.dtype), x)


@config
class PC:
    """PC (Spirtes et al. 2000), with Fisher's test of partial correlations: the edges that all its graphs share.

    Logits are log((1 - level) / level) for i -> j and minus that against it, and 0 both ways where a direction is not
    identified. The level is the usual one, and not tuned.
    """

    level: Annotated[float, Bounds(1e-6, 0.5)] = 0.05

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q d"]) -> Float[Tensor, "tasks q d"]:
        pc = causal_learn("search.ConstraintBased.PC").pc
        ends = task_by_task(lambda seen: pc(seen, self.level, show_progress=False).G.graph, batches, x)
        if ends is None:
            return SortBy(number="none")(batches, x)
        edge = torch.where((ends == -1) & (ends.mT == 1), 1.0, -1.0)  # i -> j: a tail, -1, at i and an arrow, 1, at j
        edge = edge.masked_fill((ends == ends.mT) & (ends != 0), 0.0).to(x.dtype)
        asked = x.argmax(-1)[..., None].expand(-1, -1, x.shape[2])
        return math.log((1 - self.level) / self.level) * edge.gather(1, asked)


def causal_learn(part: str) -> Any:
    """A module of causal-learn (Zheng et al. 2024); `UserError` where that is not installed."""
    try:
        with warnings.catch_warnings():  # its progress bars warn where a notebook has no widgets
            warnings.simplefilter("ignore")
            return import_module(f"causallearn.{part}")
    except ImportError as error:
        raise UserError(f"DirectLiNGAM and PC need causal-learn: pip install 'iai[study]' ({error})") from error


def task_by_task(fit: Callable[[Any], Any], batches: Sequence[Batch], x: Tensor) -> Tensor | None:
    """What `fit` finds in the observations of each task, as an array `n d`; None if they are too few for a test."""
    if sum(batch.points for batch in batches) < x.shape[2] + 2:
        return None
    seen = concat(batches).x.double().cpu().numpy()
    return torch.stack([torch.as_tensor(fit(one), device=x.device) for one in seen])


def curvature(x: Float[Tensor, "tasks n d"], ridge: float) -> Float[Tensor, "tasks n d"]:
    """Estimates of d^2 log p / dx_i^2 at the observations (Rolland et al. 2022, eqs 11 and 13)."""
    n = x.shape[1]
    distance = torch.cdist(x, x)
    width = distance.flatten(1).median(-1).values.clamp_min(1e-6)[:, None, None]
    kernel = (-distance.square() / (2 * width**2)).exp()
    total = kernel.sum(-1, keepdim=True)
    # The sum over k of dK_jk/dx_k, and of its second derivative, for each feature.
    slope = (x * total - kernel @ x) / width**2
    bend = (x.square() * total - 2 * x * (kernel @ x) + kernel @ x.square()) / width**4 - total / width**2
    factor = torch.linalg.cholesky(kernel + ridge * torch.eye(n, dtype=x.dtype, device=x.device))
    first, second = torch.cholesky_solve(torch.cat([slope, bend], dim=-1), factor).chunk(2, dim=-1)
    return second - first.square()


def r2(x: Float[Tensor, "tasks n d"], ridge: float = 1e-3) -> Float[Tensor, "tasks d"]:
    """The share of the variance of each variable that a linear regression on all the others explains."""
    scaled = standardised(x).double()
    identity = torch.eye(x.shape[-1], dtype=scaled.dtype, device=x.device)
    precision = torch.linalg.inv(scaled.mT @ scaled / x.shape[1] + ridge * identity)
    return (1 - 1 / precision.diagonal(dim1=-2, dim2=-1)).to(x.dtype)


def precedence(number: Float[Tensor, "tasks d"], x: Float[Tensor, "tasks q d"]) -> Float[Tensor, "tasks q d"]:
    """Logits of i -> j from a number that grows from causes to effects: 1 for each rank that j is above i.

    i is the node that a query asks about, the largest entry of its x.
    """
    rank = number.argsort(dim=-1, stable=True).argsort(-1).to(number.dtype)
    return rank[:, None, :] - rank.gather(1, x.argmax(-1))[:, :, None]
