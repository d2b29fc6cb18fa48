"""Learners fitted to each task: from scratch, or, as Bayes-optimal ones, with the noise and the prior known."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from iai.fields import Amount, Count, Size, config
from iai.tasks import Gravity, LinearRegression
from iai.types import Batch, concat


@config
class Mean:
    """The mean of the targets seen, or logits of the classes' shares; before any, 0 or the uniform law over classes."""

    dy: Size
    classify: bool = False

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        points = sum(b.points for b in batches)
        total = sum((b.y.sum(dim=1, keepdim=True) for b in batches), x.new_zeros(x.shape[0], 1, self.dy))
        mean = total / max(points, 1)
        return (logits(mean, points) if self.classify else mean).expand(-1, x.shape[1], -1)


def logits(shares: Float[Tensor, "*batch dy"], points: int) -> Float[Tensor, "*batch dy"]:
    """Log probabilities of classes from their shares of `points` observations, each class a `1 / dy` more.

    One uniform pseudo-observation keeps the order of the classes, and the log loss of an unseen class finite.
    """
    return ((points * shares + 1 / shares.shape[-1]) / (points + 1)).log()


@config
class Neighbours:
    """The mean target, or logits of the votes, of the `neighbours` nearest points by Euclidean distance."""

    dy: Size
    classify: bool = False
    neighbours: Size = 5

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        if not any(batch.points for batch in batches):
            return Mean(dy=self.dy, classify=self.classify)(batches, x)
        seen = concat(batches)
        votes = min(self.neighbours, seen.points)
        nearest = torch.cdist(x, seen.x).topk(votes, dim=-1, largest=False).indices
        mean = seen.y[torch.arange(len(x), device=x.device)[:, None, None], nearest].mean(dim=2)
        return logits(mean, votes) if self.classify else mean


@config
class Centroids:
    """Logits -|x - m_c|^2 / (2 s^2), with m_c the class means and s^2 the variance around them, of one axis.

    The Gaussian classifier of equal spherical classes, with nothing to tune (Snell et al. 2017, without a network).
    A class not seen yet is as far as the farthest one seen; logits are uniform before any point.
    """

    dy: Size

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        if not any(batch.points for batch in batches):
            return Mean(dy=self.dy, classify=True)(batches, x)
        seen = concat(batches)
        counts = seen.y.sum(dim=1)[..., None]
        means = seen.y.mT @ seen.x / counts.clamp(min=1)
        variance = (seen.x - seen.y @ means).square().mean(dim=(1, 2), keepdim=True)
        distance = torch.cdist(x, means).square() / (2 * variance.clamp(min=1e-6))
        known = counts.mT > 0
        farthest = distance.where(known, 0).amax(dim=-1, keepdim=True)
        return -distance.where(known, farthest)


@config
class Logistic:
    """Softmax regression with penalty |W|^2 / (2 C) on the summed loss; slow, as it fits tasks one by one.

    C is the best of 0.003, 0.01, 0.03, 0.1, 1 on training tasks of both data sets from 5 mini-batches of 64 on.
    A class not seen yet gets a share of one pseudo-observation. `steps` are the numbers of mini-batches at which it is
    evaluated.
    """

    dy: Size
    C: float = 0.1

    steps: ClassVar[tuple[int, ...]] = (0, 1, 2, 5, 10, 20)

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        if not any(batch.points for batch in batches):
            return Mean(dy=self.dy, classify=True)(batches, x)
        seen = concat(batches)
        fits = [self._fit(*task) for task in zip(seen.x, seen.y.argmax(-1), x)]
        return logits(torch.stack(fits), seen.points).to(x)

    def _fit(self, x: Tensor, label: Tensor, queries: Tensor) -> Tensor:
        """Probabilities `q dy` of the queries of one task."""
        from sklearn.linear_model import LogisticRegression

        shares = torch.zeros(queries.shape[0], self.dy, device="cpu")
        classes = label.unique().cpu()
        if len(classes) == 1 or not len(queries):
            shares[:, classes] = 1.0
            return shares
        model = LogisticRegression(C=self.C, tol=1e-3, max_iter=1000)
        model.fit(x.cpu().numpy(), label.cpu().numpy())
        shares[:, classes] = torch.from_numpy(model.predict_proba(queries.cpu().numpy())).to(shares)
        return shares


@config
class Ridge:
    """E[y | all points seen] for y = w x + b + N(0, noise_variance), w and b standard normal."""

    noise_variance: Amount
    bias: bool = True

    forgets: ClassVar[bool] = False

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        design, noise = LinearRegression(bias=self.bias).design, max(self.noise_variance, 1e-9)
        theta = torch.zeros(x.shape[0], x.shape[2] + self.bias, 1, device=x.device, dtype=torch.float64)
        prior = torch.eye(theta.shape[1], device=x.device, dtype=theta.dtype)  # a precision
        for batch in batches if self.forgets or not batches else [concat(batches)]:
            known, y = design(batch.x.double()), batch.y.double()
            covariance = torch.linalg.inv(known.mT @ known / noise + prior)
            theta = theta + covariance @ (known.mT @ (y - known @ theta)) / noise
            if self.forgets:
                prior = self.kept(covariance)
        return (design(x.double()) @ theta).to(x.dtype)

    def kept(self, covariance: Float[Tensor, "tasks d d"]) -> Float[Tensor, "*tasks d d"]:
        """The precision of the next batch's prior: what is kept of the posterior beside its mean."""
        return torch.linalg.inv(covariance)


@config
class Memoryless(Ridge):
    """Ridge around the current theta, batch by batch: the best learner that keeps theta without a covariance.

    The prior of a batch is N(theta, v I), with v the mean variance of the last posterior over coordinates and tasks,
    and 1 at first (block Kaczmarz). With `directions`, so many principal axes of each task's posterior are kept with
    their variances, and only the others share a mean: a Kalman filter of low rank, exact if all are kept.
    """

    directions: Count = 0

    forgets = True

    def kept(self, covariance: Float[Tensor, "tasks d d"]) -> Float[Tensor, "*tasks d d"]:
        """v I, or low rank and a multiple of I: the axes of least and of most variance that leave the others alike."""
        if not self.directions:
            identity = torch.eye(covariance.shape[-1], device=covariance.device, dtype=covariance.dtype)
            return identity / covariance.diagonal(dim1=-2, dim2=-1).mean()
        variances, axes = torch.linalg.eigh(covariance)
        others = variances.shape[1] - self.directions
        if others > 1:
            windows = variances.unfold(1, others, 1)  # (tasks, directions + 1, others), as variances ascend
            first = windows.log().var(-1).argmin(1, keepdim=True)
            place = torch.arange(variances.shape[1], device=first.device) - first
            mean = windows.mean(-1).gather(1, first)
            variances = torch.where((place >= 0) & (place < others), mean, variances)
        return axes / variances[:, None] @ axes.mT


@config
class Planet:
    """E[y | all points seen] in metres, of a `Gravity` task: y at the posterior mean of theta, as y is linear in it."""

    task: Gravity

    def __call__(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q 2"]) -> Float[Tensor, "tasks q 1"]:
        theta = torch.linspace(self.task.weakest, self.task.strongest, 4096, device=x.device).double()
        evidence = theta.new_zeros(len(x), len(theta))
        for batch in batches:
            weightless, slope = self._line(batch.x)
            rest = batch.y.double() - weightless
            # sum (rest - slope theta)^2, without its constant term.
            fit = slope.square().sum(1) * theta.square() - 2 * (slope * rest).sum(1) * theta
            evidence = evidence - fit / (2 * self.task.noise_sd**2)
        weightless, slope = self._line(x)
        mean = (evidence.softmax(dim=1) * theta).sum(dim=1)
        return (weightless + slope * mean[:, None, None]).to(x.dtype)

    def _line(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Height without gravity, and the change of height for a theta of 1."""
        decode = vmap(self.task.decode, in_dims=(0, None))
        weightless = decode(x.double(), x.new_zeros(1, 1).double())
        return weightless, decode(x.double(), x.new_ones(1, 1).double()) - weightless
