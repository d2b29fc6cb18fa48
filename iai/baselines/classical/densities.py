"""Densities fitted to the data points seen, and the exact velocity fields of what was fitted."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from iai.losses import squared_error
from iai.tasks.mixtures import velocity
from iai.tasks.populations import data_points
from iai.types import Batch, Learner, concat

BANDWIDTHS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Multiples of Scott's rule that `tuned` tries for a kernel."""
COMPONENTS = (4, 8, 16)
"""Numbers of components that `tuned` tries for a mixture."""
Tuned = TypeVar("Tuned", bound=Learner)
"""A learner of some kind."""


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """One Gaussian with a full covariance: the mean and covariance of all data points and one pseudo-point's N(0, I).

    theta has d + 2 rows: the mean, the variances along the principal axes, and the axes as columns.
    """

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        """Its velocity field at x = [x_t, t]."""
        return vmap(self.decode)(x, self.theta(batches, x))

    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots d"]:
        """The Gaussian of each task; N(0, I) before any batch."""
        z = points_seen(batches, x)
        mean = z.sum(1, keepdim=True) / (z.shape[1] + 1)
        eye = torch.eye(z.shape[2], device=z.device)
        covariance = ((z - mean).mT @ (z - mean) + mean.mT @ mean + eye) / (z.shape[1] + 1)
        variances, axes = torch.linalg.eigh(covariance)
        return torch.cat([mean, variances[:, None], axes], dim=1)

    def decode(self, x: Float[Tensor, "n dx"], theta: Float[Tensor, "slots d"]) -> Float[Tensor, "n d"]:
        """m + A (x_t - t m): A has the eigenvalues (t var - (1 - t)) / ((1 - t)^2 + t^2 var)."""
        mean, variances, axes = theta[0], theta[1], theta[2:]
        point, t = x[:, :-1], x[:, -1:]
        slope = (t * variances - (1 - t)) / ((1 - t).square() + t.square() * variances)
        return mean + (((point - t * mean) @ axes) * slope) @ axes.mT


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A Gaussian around every data point seen, all of one width: the memory of the data, blurred.

    The width is Scott's rule, n^(-1 / (d + 4)) times the data's standard deviation, times `factor`. theta has a row a
    point: its place, its log-weight, the log of its variance.
    """

    factor: float = 0.5

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        """Its velocity field at x = [x_t, t]."""
        return vmap(self.decode)(x, self.theta(batches, x))

    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        """The kernels of each task; one N(0, I) before any batch."""
        if not batches:
            return x.new_zeros(len(x), 1, x.shape[2] + 1)
        z = points_seen(batches, x)
        tasks, n, d = z.shape
        variance = self.factor**2 * n ** (-2 / (d + 4)) * z.var(1, correction=0).mean(-1)
        log_variance = variance.log()[:, None, None].expand(tasks, n, 1)
        return torch.cat([z, torch.zeros_like(log_variance), log_variance], dim=-1)

    def decode(self, x: Float[Tensor, "n dx"], theta: Float[Tensor, "slots width"]) -> Float[Tensor, "n d"]:
        """The velocity field of one task's kernels."""
        return field_of_rows(x, theta)


@dataclass(frozen=True, kw_only=True)
class ExpectationMaximisation:
    """A mixture of `components` Gaussians, each alike in all directions, fitted to all data points by EM (sklearn).

    The best of three starts by k-means. theta has a row a component: its mean, its log-weight, its log-variance.
    """

    components: int

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        """Its velocity field at x = [x_t, t]."""
        return vmap(self.decode)(x, self.theta(batches, x))

    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        """The mixture of each task; one N(0, I) before any batch."""
        if not batches:
            return x.new_zeros(len(x), 1, x.shape[2] + 1)
        return torch.stack([self._fit(z) for z in points_seen(batches, x).cpu()]).to(x)

    def decode(self, x: Float[Tensor, "n dx"], theta: Float[Tensor, "slots width"]) -> Float[Tensor, "n d"]:
        """The velocity field of one task's mixture."""
        return field_of_rows(x, theta)

    def _fit(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "k width"]:
        """The fit to one task's points, in an order of their own, so that theirs does not matter."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        count = min(self.components, len(z))
        model = GaussianMixture(count, covariance_type="spherical", n_init=3, reg_covar=1e-3, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 100 iterations are a fit all the same
            model.fit(z[z[:, 0].argsort()].double().numpy())
        weights, variances = (torch.from_numpy(v)[:, None] for v in (model.weights_, model.covariances_))
        return torch.cat([torch.from_numpy(model.means_), weights.log(), variances.log()], dim=1)


def points_seen(batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks n d"]:
    """All data points behind mini-batches; none before any, when `x` says how many tasks there are."""
    return data_points(concat(batches)) if batches else x.new_zeros(len(x), 0, x.shape[2] - 1)


def field_of_rows(x: Float[Tensor, "n dx"], rows: Float[Tensor, "slots width"]) -> Float[Tensor, "n d"]:
    """The velocity field of a mixture that has a row a component: mean, log-weight, log-variance."""
    return velocity(x, rows[:, :-2], rows[:, -2].log_softmax(0), rows[:, -1].exp())


def tuned(candidates: Sequence[Tuned], batches: Sequence[Batch], queries: Batch) -> Tuned:
    """The candidate of least mean squared error over 1, 2, 5, 10 ... mini-batches of tasks that judge nothing else."""
    steps = [k for k in (1, 2, 5, 10, 20) if k <= len(batches)]

    def error(learner: Learner) -> float:
        return sum(squared_error(learner(batches[:k], queries.x), queries.y).mean().item() for k in steps)

    return min(candidates, key=error)


def densities(components: int | None, batches: Sequence[Batch], queries: Batch) -> dict[str, Learner]:
    """The fitted densities by name; where nobody knows how many `components` there are, tuned on few of the tasks."""
    few = slice(0, 8)
    some, asked = [batch.tasks(few) for batch in batches], queries.tasks(few)
    mixtures = [ExpectationMaximisation(components=k) for k in ([components] if components else COMPONENTS)]
    return {
        "gaussian": Gaussian(),
        "kernel": tuned([Kernel(factor=factor) for factor in BANDWIDTHS], batches, queries),
        "em": mixtures[0] if components else tuned(mixtures, some, asked),
    }
