"""Tasks of a user: as JSON has them, enough to predict and to find the class that draws more; under new labels."""

import json
from dataclasses import fields
from pkgutil import resolve_name
from typing import Any

import torch

from iai.fields import Amount, Size, config
from iai.losses import LossName
from iai.tasks.episodes import Wrapper, episode
from iai.types import Batch, Episode, UserError


@config
class Stored:
    """Shapes and scales of a task of your own, and what makes it again: `module:qualname` of its class, and its state.

    It stands for the task, whose class is imported when it is first asked for more than shapes and scales.
    """

    dx: Size
    dy: Size
    loss: LossName
    x_scale: Amount = 1.0
    y_scale: Amount = 1.0
    theta_shape: tuple[Size, Size] | None = None
    kind: str = ""
    state: str = ""
    """Its attributes as JSON; tuples in them come back as lists."""

    @staticmethod
    def of(task: Any) -> "Stored":
        """A task as JSON has it; one with a state that is not plain data has no `kind`, and cannot be made again."""
        facts = {field.name: getattr(task, field.name) for field in fields(Stored) if hasattr(task, field.name)}
        try:
            state = json.dumps(vars(task))
        except (TypeError, ValueError):
            return Stored(**facts)
        return Stored(**facts, kind=f"{type(task).__module__}:{type(task).__qualname__}", state=state)

    def made(self) -> Any:
        """The task; `UserError` where it cannot be made again."""
        try:
            task = object.__new__(resolve_name(self.kind))
            vars(task).update(json.loads(self.state))
        except Exception as error:  # an import runs the user's code
            where = f"{self.kind or 'its state is not plain data'}: {error}".splitlines()[0]
            raise UserError(f"the task cannot be made again ({where}): Learner.load(path, task=...)") from error
        return task

    def __getattr__(self, name: str) -> Any:
        if name in ("kind", "state") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.made(), name)

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        return self.made().sample(generator, tasks, points)


@config
class Relabelled(Wrapper):
    """Tasks of another distribution, with a numbering of the classes drawn for each: labels are names, and no more."""

    def episode(self, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int) -> Episode:
        """`steps` mini-batches and queries, with the one-hot classes of each task in another order."""
        batches, asked = episode(self.task, generator, tasks, steps, points, queries)
        order = torch.rand(tasks, 1, self.task.dy, generator=generator, device=generator.device).argsort(-1)
        *batches, asked = (Batch(one.x, one.y.gather(-1, order.expand_as(one.y))) for one in (*batches, asked))
        return batches, asked
