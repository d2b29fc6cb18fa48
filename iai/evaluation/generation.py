"""Generation with a learned velocity field: samples, their distance from the truth, and the density of a flow.

A flow moves noise at t = 0 to data at t = 1 along dx/dt = v(x, t), as in `iai.tasks.populations`. The field of a
learner of a `Population` task is its prediction at [x, t].
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import vmap

from iai.evaluation.evaluate import Curve, EvaluationConfig, summarised
from iai.model import Amortizer, Parameters
from iai.tasks import Population, interpolated
from iai.tasks.populations import Points
from iai.types import Batch, Learner, Task, UserError

Field = Callable[[Tensor], Tensor]
"""A velocity field of several tasks: x = [x_t, t], `tasks n d + 1`, to velocities `tasks n d`."""

METRICS = ("w2", "nll_gap", "field_error")
"""What is reported of generation (`metrics_of`)."""
ASKED = (1, 5, 10)
"""Numbers of mini-batches after which samples are drawn."""
INTERVALS = 32
"""Steps of Heun's method from t = 0 to t = 1, of two evaluations each.

The least of 12, 24, 32 and 48 at which the error of no mean over mixtures exceeds 0.01, be it of w2 or of nll_gap, of
the true field or of Adam, a kernel and EM after one step and ten.
"""
POINTS = 128
"""Samples a task, and as many points of the truth."""
SCORED = 16
"""Points of the truth, a task, whose density under the flow is computed."""
STEP = 3e-3
"""Step of finite differences, in units of the data: above rounding errors, below the curvature of fields."""


def metrics_of(task: Any) -> tuple[str, ...]:
    """What `curves` reports for a task: distances of samples and, where the truth is known, of densities and fields.

    "w2" is the 2-Wasserstein distance of samples from the truth, in units of the data; "nll_gap" is
    E[log p(z) - log q(z)] over z ~ p, in nats, for the density p of the task and q of the flow; "field_error" is the
    mean squared difference of the velocity from the true one, averaged over its features, x_t and t.
    """
    return METRICS if hasattr(task, "log_prob") else METRICS[:1]


def field(learner: Learner, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Field:
    """The velocity field of a learner after mini-batches; theta, where there is one, is inferred once.

    Implicit predictions are refined over all mini-batches for each point at each time.
    """
    if isinstance(learner, Amortizer) and isinstance(learner.regime, Parameters):
        state = learner.g(batches, x)
        return lambda points: learner.f(points, state)
    if hasattr(learner, "theta"):
        known = cast(Any, learner)
        theta = known.theta(batches, x)
        return lambda points: vmap(known.decode)(points, theta)
    return lambda points: learner(batches, points)


def at(points: Points, t: float) -> Float[Tensor, "tasks n dx"]:
    """x = [x_t, t] of points that are all at one time."""
    return torch.cat([points, torch.full_like(points[..., :1], t)], dim=-1)


def generate(velocity: Field, noise: Points, intervals: int = INTERVALS) -> Points:
    """Samples: noise carried from t = 0 to t = 1 by Heun's method, which is of second order."""
    points, h = noise, 1 / intervals
    for i in range(intervals):
        first = velocity(at(points, i * h))
        second = velocity(at(points + h * first, (i + 1) * h))
        points = points + h / 2 * (first + second)
    return points


def log_density(velocity: Field, z: Points, intervals: int = INTERVALS) -> Float[Tensor, "tasks n"]:
    """log q(z) = log N(x_0; 0, I) - int_0^1 div v(x_t, t) dt along the flow through z, in nats, by Heun's method.

    The instantaneous change of variables (Chen et al. 2018), with all d terms of the divergence and no estimate of
    its trace.
    """
    points, h, total = z, 1 / intervals, torch.zeros_like(z[..., 0])
    for i in range(intervals, 0, -1):
        first, here = with_divergence(velocity, at(points, i * h))
        second, there = with_divergence(velocity, at(points - h * first, (i - 1) * h))
        points, total = points - h / 2 * (first + second), total + h / 2 * (here + there)
    prior = -points.square().sum(-1) / 2 - z.shape[-1] / 2 * math.log(2 * math.pi)
    return prior - total


def with_divergence(velocity: Field, x: Float[Tensor, "tasks n dx"]) -> tuple[Points, Float[Tensor, "tasks n"]]:
    """Velocities at x and their divergence, the sum of d v_i / d x_i, by central differences."""
    d, n = x.shape[-1] - 1, x.shape[1]
    steps = STEP * torch.eye(d, d + 1, dtype=x.dtype, device=x.device)
    beside = [x + sign * step for sign in (1, -1) for step in steps]
    v, *others = velocity(torch.cat([x, *beside], dim=1)).split(n, dim=1)
    return v, torch.stack([(others[i] - others[d + i])[..., i] / (2 * STEP) for i in range(d)]).sum(0)


def wasserstein(one: Points, other: Float[Tensor, "tasks m d"]) -> Float[Tensor, " tasks"]:
    """The 2-Wasserstein distance between clouds of equally heavy points, task by task, exact.

    Computed by POT (Flamary et al. 2021); `UserError` where that is not installed. Not a number where a point is not.
    """
    try:
        import ot
    except ImportError as error:
        raise UserError("2-Wasserstein distances need POT: pip install POT") from error
    squares = (one[:, :, None] - other[:, None]).square().sum(-1).double().cpu()
    costs = [ot.emd2([], [], cost.numpy()) if cost.isfinite().all() else math.nan for cost in squares]
    return torch.tensor(costs, dtype=torch.float64).clamp_min(0).sqrt().to(one.dtype)


@dataclass(frozen=True)
class Trial:
    """The data of an evaluation of generation: mini-batches of tasks, noise, and points of the truth."""

    theta: Float[Tensor, "tasks slots width"]
    batches: list[Batch]
    queries: Batch
    noise: Points
    truth: Points

    @staticmethod
    def of(task: Task, config: EvaluationConfig, device: torch.device | str = "cpu") -> "Trial":
        """Draw the data on the CPU with the seed of the evaluation: the same on every call."""
        population = cast(Population, task)
        generator = torch.Generator().manual_seed(config.seed)
        theta = population.draw(generator, config.generation_tasks)
        seen = interpolated(generator, population.points(generator, theta, config.steps * config.points))
        queries = interpolated(generator, population.points(generator, theta, POINTS))
        noise = torch.randn(config.generation_tasks, POINTS, task.dy, generator=generator)
        truth = population.points(generator, theta, POINTS)
        batches = [seen[i * config.points : (i + 1) * config.points].to(device) for i in range(config.steps)]
        return Trial(theta.to(device), batches, queries.to(device), noise.to(device), truth.to(device))

    def judge(self, velocity: Field, task: Any) -> Float[Tensor, "metrics tasks"]:
        """The metrics of `metrics_of` for one field, task by task."""
        found = [wasserstein(generate(velocity, self.noise), self.truth)]
        if hasattr(task, "log_prob"):
            z = self.truth[:, :SCORED]
            gap = vmap(task.log_prob)(z, self.theta) - log_density(velocity, z)
            known = vmap(task.decode)(self.queries.x, self.theta)
            found += [gap.mean(1), (velocity(self.queries.x) - known).square().mean((1, 2))]
        return torch.stack([values.double().cpu() for values in found])


@torch.no_grad()
def curves(learner: Learner, task: Task, config: EvaluationConfig) -> dict[str, Curve]:
    """The metrics of `metrics_of` after `ASKED` mini-batches; none where `config.generation_tasks` is 0."""
    if not config.generation_tasks:
        return {}
    trial = Trial.of(task, config, next(learner.parameters()).device if isinstance(learner, Amortizer) else "cpu")
    return laid_out(lambda k: trial.judge(field(learner, trial.batches[:k], trial.queries.x), task), task, config)


@torch.no_grad()
def references(task: Task, config: EvaluationConfig) -> dict[str, dict[str, Curve]]:
    """Distances to compare with: of "fresh" points of the truth and, where it is known, of its "truth" field.

    They depend on no mini-batch, so their curves are level. None where `config.generation_tasks` is 0.
    """
    if not config.generation_tasks:
        return {}
    trial, population = Trial.of(task, config), cast(Population, task)
    generator = torch.Generator().manual_seed(config.seed + 1)
    fresh = wasserstein(population.points(generator, trial.theta, POINTS), trial.truth)[None]
    found = {"fresh": laid_out(lambda k: fresh, task, config)}
    if hasattr(task, "log_prob"):
        exact = trial.judge(lambda x: vmap(cast(Any, task).decode)(x, trial.theta), task)
        found["truth"] = laid_out(lambda k: exact, task, config)
    return found


def laid_out(judged: Callable[[int], Tensor], task: Task, config: EvaluationConfig) -> dict[str, Curve]:
    """Curves by metric from values `metrics tasks` after k mini-batches, for each k of `ASKED` up to the last step."""
    asked = [k for k in ASKED if k <= config.steps]
    by_metric = torch.stack([judged(k) for k in asked], dim=1)  # (metrics, k, tasks)
    return {name: summarised(rows, asked, config.steps) for name, rows in zip(metrics_of(task), by_metric)}
