"""The words of the framework as types: what a task gives, what a learner keeps, what a refiner is shown.

Axes, everywhere: `tasks` (a batch of tasks), `n` (observations), `dx`, `dy` (features of an input, of a target),
`slots` (vectors of a state), `width` (features of a slot), `m` (gradient tokens a slot), `remembered` (past slots).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]
"""L(y_hat, y): one number an example, `... dy` and `... dy` to `...`; callers reduce."""

Learner = Callable[[Sequence["Batch"], Tensor], Tensor]
"""f(x, g(batches)): mini-batches and queries `tasks q dx` to predictions `tasks q dy`; baselines are called alike."""

Decode = Callable[[Tensor, Tensor], Tensor]
"""The likelihood of one task: inputs `n dx` and parameters `slots width` to predictions `n dy`."""


class UserError(ValueError):
    """A mistake that the user can mend; its one line of text says how."""


def recorded(default: Any, name: str = "", omitted: bool = False) -> Any:
    """A config field that JSON has under another `name`, or not at its default, so that the hashes of records hold."""
    return field(default=default, metadata={"name": name, "omitted": omitted})


@dataclass(frozen=True)
class Batch:
    """Observations (x, y) of several tasks: inputs `tasks n dx`, targets `tasks n dy` (one-hot for classes)."""

    x: Float[Tensor, "tasks n dx"]
    y: Float[Tensor, "tasks n dy"]

    @property
    def points(self) -> int:
        """Observations a task."""
        return self.x.shape[1]

    def __getitem__(self, points: slice) -> "Batch":
        """The observations in a slice, of every task."""
        return Batch(self.x[:, points], self.y[:, points])

    def tasks(self, part: slice) -> "Batch":
        """The tasks in a slice, with all their observations."""
        return Batch(self.x[part], self.y[part])

    def to(self, device: torch.device | str) -> "Batch":
        """The same observations on another device."""
        return Batch(self.x.to(device), self.y.to(device))


def concat(batches: Sequence[Batch]) -> Batch:
    """All observations of several batches of the same tasks as one batch."""
    return Batch(torch.cat([b.x for b in batches], dim=1), torch.cat([b.y for b in batches], dim=1))


def stack(batches: Sequence[Batch]) -> Batch:
    """Batches of different tasks as one batch of all those tasks."""
    return Batch(torch.cat([b.x for b in batches]), torch.cat([b.y for b in batches]))


@dataclass(frozen=True)
class State:
    """theta_i or y_hat_i (eqs 7, 8): slots that a refiner rewrites, each with an anchor that says what it is about.

    `past` holds the last values (and their gradients) where a history window is kept; its axis has length 0 otherwise.
    """

    value: Float[Tensor, "tasks slots width"]
    anchor: Float[Tensor, "tasks slots da"]
    past: Float[Tensor, "tasks remembered dp"]

    def detach(self) -> "State":
        """The same state, cut from the graph that made it (eq. 9)."""
        return State(self.value.detach(), self.anchor.detach(), self.past.detach())

    @staticmethod
    def stack(states: Sequence["State"]) -> "State":
        """The states of different tasks as one state of all those tasks."""
        return State(*(torch.cat([getattr(s, name) for s in states]) for name in ("value", "anchor", "past")))

    def tasks(self, part: slice) -> "State":
        """The states of the tasks in a slice."""
        return State(self.value[part], self.anchor[part], self.past[part])


@dataclass(frozen=True)
class Evidence:
    """What a refiner is shown of a mini-batch: observations and gradients; an absent signal is an axis of length 0."""

    pairs: Batch
    gradients: Float[Tensor, "tasks m slots width"]

    @property
    def points(self) -> int:
        """Observations behind the evidence: its pairs or, without them, its gradient tokens."""
        return max(self.pairs.points, self.gradients.shape[1])


@runtime_checkable
class Task(Protocol):
    """p(T): a distribution over tasks, as a sampler of their data D_T."""

    loss: ClassVar[str]
    """The name of its training loss in `losses.LOSSES`."""

    @property
    def dx(self) -> int:
        """Features of an input."""
        ...

    @property
    def dy(self) -> int:
        """Features of a target; the number of classes in classification."""
        ...

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        """Distinct observations of new tasks, `tasks points dx` and `tasks points dy`, on the generator's device."""
        ...


@runtime_checkable
class AskedTask(Protocol):
    """A task whose queries are not held-out observations."""

    def episode(
        self, generator: torch.Generator, tasks: int, steps: int, points: int, queries: int
    ) -> tuple[list[Batch], Batch]:
        """`steps` mini-batches of `points` observations of new tasks, and what is asked of them."""
        ...


class KnownTask(Task, Protocol):
    """A task whose likelihood is known: what the parametric regime needs."""

    @property
    def theta_shape(self) -> tuple[int, int]:
        """Slots and width of its parameters."""
        ...

    def decode(self, x: Tensor, theta: Tensor) -> Tensor:
        """The likelihood of one task: inputs `n dx` and parameters `slots width` to predictions `n dy`."""
        ...
