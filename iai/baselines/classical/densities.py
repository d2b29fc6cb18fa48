"""Densities fitted to the data points seen, and the exact velocity fields of what was fitted."""

import warnings
from abc import abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from iai.baselines.classical.fitted import Fitted, best
from iai.fields import Amount, Size, config
from iai.losses import squared_error
from iai.tasks import data_points, velocity
from iai.types import Batch, Learner, concat


@config
class Gaussian(Fitted):
    """One Gaussian with a full covariance: the mean and covariance of all data points and one pseudo-point's N(0, I).

    theta has d + 2 rows: the mean, the variances along the principal axes, and the axes as columns.
    """

    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots d"]:
        z = points_seen(batches, x)
        mean = z.sum(1, keepdim=True) / (z.shape[1] + 1)
        eye = torch.eye(z.shape[2], device=z.device)
        covariance = ((z - mean).mT @ (z - mean) + mean.mT @ mean + eye) / (z.shape[1] + 1)
        variances, axes = torch.linalg.eigh(covariance)
        return torch.cat([mean, variances[:, None], axes], dim=1)

    def decode(self, x: Float[Tensor, "n dx"], theta: Float[Tensor, "slots d"]) -> Float[Tensor, "n d"]:
        """The velocity m + A (x_t - t m), where A has the eigenvalues (t var - (1 - t)) / ((1 - t)^2 + t^2 var)."""
        mean, variances, axes = theta[0], theta[1], theta[2:]
        point, t = x[:, :-1], x[:, -1:]
        slope = (t * variances - (1 - t)) / ((1 - t).square() + t.square() * variances)
        return mean + (((point - t * mean) @ axes) * slope) @ axes.mT


class Mixed(Fitted):
    """A mixture of Gaussians: theta has a row a component, of mean, log-weight and log-variance; first one N(0, I)."""

    def theta(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks slots width"]:
        z = points_seen(batches, x)
        return self.fit(z) if z.shape[1] else x.new_zeros(len(x), 1, x.shape[2] + 1)

    @abstractmethod
    def fit(self, z: Float[Tensor, "tasks n d"]) -> Float[Tensor, "tasks slots width"]:
        """theta of each task from its data points."""

    def decode(self, x: Float[Tensor, "n dx"], theta: Float[Tensor, "slots width"]) -> Float[Tensor, "n d"]:
        return velocity(x, theta[:, :-2], theta[:, -2].log_softmax(0), theta[:, -1].exp())


@config
class Kernel(Mixed):
    """A Gaussian around every data point seen, all `factor` times as wide as Scott's rule says: n^(-1 / (d + 4)) sd."""

    factor: Amount = 0.5

    def fit(self, z: Float[Tensor, "tasks n d"]) -> Float[Tensor, "tasks slots width"]:
        tasks, n, d = z.shape
        variance = self.factor**2 * n ** (-2 / (d + 4)) * z.var(1, correction=0).mean(-1)
        log_variance = variance.clamp_min(1e-6).log()[:, None, None].expand(tasks, n, 1)
        return torch.cat([z, torch.zeros_like(log_variance), log_variance], dim=-1)


@config
class ExpectationMaximisation(Mixed):
    """A mixture of `components` spherical Gaussians, fitted to all data points by EM: the best of three starts."""

    components: Size

    def fit(self, z: Float[Tensor, "tasks n d"]) -> Float[Tensor, "tasks slots width"]:
        return torch.stack([self._fit(points) for points in z.cpu()]).to(z)

    def _fit(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "k width"]:
        """The fit to one task's points, sorted so that their order does not matter."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        count, z = min(self.components, len(z)), z if len(z) > 1 else z.expand(2, -1)  # it refuses a single point
        model = GaussianMixture(count, covariance_type="spherical", n_init=3, reg_covar=1e-3, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 100 iterations are a fit all the same
            model.fit(z[z[:, 0].argsort()].double().numpy())
        weights, variances = (torch.from_numpy(v)[:, None] for v in (model.weights_, model.covariances_))
        return torch.cat([torch.from_numpy(model.means_), weights.log(), variances.log()], dim=1)


def points_seen(batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks n d"]:
    """All data points behind mini-batches; none before any, when `x` says how many tasks there are."""
    return data_points(concat(batches)) if batches else x.new_zeros(len(x), 0, x.shape[2] - 1)


def densities(components: int | None, batches: Sequence[Batch], queries: Batch) -> dict[str, Learner]:
    """The fitted densities by name; an unknown number of `components` is tuned on 8 of the tasks."""
    kernels = [Kernel(factor=factor) for factor in (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)]
    mixtures = [ExpectationMaximisation(components=k) for k in ([components] if components else (4, 8, 16))]
    few = [batch.tasks(slice(8)) for batch in batches], queries.tasks(slice(8))
    kernel, mixture = best(kernels, squared_error, batches, queries), best(mixtures, squared_error, *few)
    return {"gaussian": Gaussian(), "kernel": kernel, "em": mixture}
