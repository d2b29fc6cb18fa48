"""Episodes: mini-batches of new tasks and their queries; and tasks whose mini-batches are read again and again."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from iai.fields import Size, config
from iai.types import Batch, Episode, Task, UserError, concat, full_precision

TRAINING_SEEDS = range(1_000_000_007, 1_000_000_007 + 2**31)
"""The seeds of training, half of those that PyTorch's CPU generator tells apart; what judges or tunes has others."""


def seed_of(seed: int, rollout: int) -> int:
    """The seed of one roll-out of a training: a function of (seed, roll-out) alone, so that resuming is exact."""
    return TRAINING_SEEDS[(seed * TRAINING_SEEDS[0] + rollout) % len(TRAINING_SEEDS)]


def episode(task: Task, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int) -> Episode:
    """`steps` mini-batches of `points` observations of new tasks, and `queries` other observations (eq. 6).

    One draw of D_T is split, so the mini-batches and the queries are disjoint. A task whose queries are not
    observations draws its own episode. `UserError` where a draw has another shape or device.
    """
    exact, count = full_precision(generator.device), steps * points + queries  # data are exact in every precision
    if hasattr(task, "episode"):
        with exact:
            batches, asked = task.episode(generator, tasks, steps, points, queries)
        drawn = [as_drawn(batch, task, generator, tasks, points) for batch in batches]
        return drawn, as_drawn(asked, task, generator, tasks, queries)
    with exact:
        data = as_drawn(task.sample(generator, tasks, count), task, generator, tasks, count)
    batches = [data[i * points : (i + 1) * points] for i in range(steps)]
    return batches, data[steps * points :]


def as_drawn(drawn: Any, task: Task, generator: torch.Generator, tasks: int, points: int) -> Batch:
    """Observations as a `Batch` in the default dtype, and classes one-hot; `UserError` names what a task drew wrong."""
    where = f"{type(task).__name__}.sample"
    try:
        pair = (drawn.x, drawn.y) if isinstance(drawn, Batch) else drawn
        x, y = (one if isinstance(one, Tensor) else torch.as_tensor(one, device=generator.device) for one in pair)
        if task.loss == "cross_entropy" and y.ndim == 2 and not y.is_floating_point():
            y = one_hot(y.long(), task.dy)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{where} must return Batch(x, y), not {type(drawn).__name__} ({error})") from error
    for name, values, features in (("x", x, task.dx), ("y", y, task.dy)):
        wanted, found = (tasks, points, features), tuple(values.shape)
        if found != wanted:
            raise UserError(f"{where} drew {name} of {found}: tasks, points and features are {wanted}")
        if values.device.type != generator.device.type:
            raise UserError(f"{where} drew {name} on {values.device}: draw on generator.device")
    dtype = torch.get_default_dtype()
    return Batch(x.to(dtype), y.to(dtype))


def finite(task: Task, drawn: Episode) -> Episode:
    """An episode whose numbers are all finite, and classes one-hot; else a `UserError`. It waits for the device."""
    batches, queries = drawn
    for name in ("x", "y"):
        if not all(getattr(batch, name).isfinite().all() for batch in [*batches, queries]):
            raise UserError(f"{type(task).__name__}.sample drew {name} that is not finite: look at the data")
    labels = [batch.y for batch in [*batches, queries]] if task.loss == "cross_entropy" else []
    if any((y < 0).any() or ((y.sum(-1) - 1).abs() > 1e-3).any() for y in labels):
        raise UserError(f"{type(task).__name__}.sample drew y that is not one-hot: a row has a 1 for its class")
    return drawn


@config
class Wrapper:
    """Tasks of another distribution with another order of their data: all but episodes is that of `task`."""

    task: Any

    def __getattr__(self, name: str) -> Any:
        if name in ("task", "distinct") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.task, name)


@config
class Reused(Wrapper):
    """Tasks of another distribution whose data are `distinct` mini-batches, read again from the first one on.

    A pass over all of them is an epoch.
    """

    distinct: Size

    def episode(self, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int) -> Episode:
        """`steps` mini-batches, `distinct` of them different, and queries that are in none."""
        different = min(steps, self.distinct)
        batches, asked = episode(self.task, generator, tasks, different, points, queries)
        return [batches[i % different] for i in range(steps)], asked


@config
class InTurn(Wrapper):
    """Tasks of classes that arrive one after the other, in an order drawn for each task; queries are of all classes."""

    def episode(self, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int) -> Episode:
        """`steps` mini-batches of observations that are sorted by class, and queries that are not."""
        batches, asked = episode(self.task, generator, tasks, steps, points, queries)
        seen = concat(batches)
        turns = torch.rand(tasks, 1, self.task.dy, generator=generator, device=generator.device)
        order = (seen.y * turns).sum(-1).argsort(dim=-1, stable=True)[..., None]
        seen = Batch(*(one.gather(1, order.expand_as(one)) for one in (seen.x, seen.y)))
        return [seen[i * points : (i + 1) * points] for i in range(steps)], asked
