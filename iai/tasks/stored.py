"""Tasks of a user as JSON has them: enough to predict, and enough to find the class that draws more."""

import json
from dataclasses import fields
from pkgutil import resolve_name
from typing import Any

import torch

from iai.fields import Amount, Size, config
from iai.losses import LossName
from iai.types import Batch, UserError


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
    state: Any = None

    @staticmethod
    def of(task: Any) -> "Stored":
        """A task as JSON has it; one with a state that is not plain data has no `kind`, and cannot be made again."""
        facts = {f.name: getattr(task, f.name) for f in fields(Stored) if hasattr(task, f.name)}
        try:
            json.dumps(vars(task))
        except (TypeError, ValueError):
            return Stored(**facts)
        return Stored(**facts, kind=f"{type(task).__module__}:{type(task).__qualname__}", state=vars(task))

    def made(self) -> Any:
        """The task; `UserError` where it cannot be made again."""
        try:
            task = object.__new__(resolve_name(self.kind))
            vars(task).update(self.state)
        except Exception as error:  # an import runs the user's code
            where = f"{self.kind or 'its state is not plain data'}: {error}".splitlines()[0]
            raise UserError(f"the task cannot be made again ({where}): Learner.load(path, task=...)") from error
        return task

    def __getattr__(self, name: str) -> Any:
        if name in ("kind", "state") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.made(), name)

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        """Observations of new tasks, drawn by the task."""
        return self.made().sample(generator, tasks, points)
