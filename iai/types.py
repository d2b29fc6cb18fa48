"""The types of the framework: batches, states, evidence, and the protocols of tasks and learners.

Axes: `tasks` (a batch of tasks), `n` (observations), `dx`, `dy` (features of an input, of a target),
`slots` (vectors of a state), `width` (features of a slot), `m` (gradient tokens a slot), `remembered` (past slots).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

Learner = Callable[[Sequence["Batch"], Tensor], Tensor]
"""f(x, g(batches)): mini-batches and queries `tasks q dx` to predictions `tasks q dy`; baselines too."""

Decode = Callable[[Tensor, Tensor], Tensor]
"""The likelihood of one task: inputs `n dx` and parameters `slots width` to predictions `n dy`."""


class UserError(ValueError):
    """A mistake of the user; its message is one line that says how to fix it."""


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


Episode = tuple[list[Batch], Batch]
"""The mini-batches of new tasks, and their queries."""


def concat(batches: Sequence[Batch]) -> Batch:
    """All observations of several batches of the same tasks as one batch."""
    return Batch(torch.cat([b.x for b in batches], dim=1), torch.cat([b.y for b in batches], dim=1))


def full_precision(device: torch.device) -> AbstractContextManager[Any]:
    """A block without autocast: states, likelihoods and gradients keep the precision of the data."""
    known = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if known else nullcontext()


@dataclass(frozen=True)
class State:
    """theta_i or y_hat_i (eqs 7, 8): slots that a refiner rewrites, each with an anchor that says what it is about.

    `past` holds the last values (and their gradients) where a history window is kept; its axis has length 0 otherwise.
    """

    value: Float[Tensor, "tasks slots width"]
    anchor: Float[Tensor, "tasks slots da"]
    past: Float[Tensor, "tasks remembered dp"]

    def detach(self) -> "State":
        """The same state without its graph (eq. 9)."""
        return State(self.value.detach(), self.anchor.detach(), self.past.detach())


@dataclass(frozen=True)
class Evidence:
    """What a refiner reads of a mini-batch: observations and gradients; an absent signal is an axis of length 0."""

    pairs: Batch
    gradients: Float[Tensor, "tasks m slots width"]

    @property
    def points(self) -> int:
        """Observations behind the evidence: its pairs or, without them, its gradient tokens."""
        return max(self.pairs.points, self.gradients.shape[1])


@runtime_checkable
class StepwiseLearner(Protocol):
    """A `Learner` that goes from mini-batch to mini-batch, and predicts after each."""

    def predictions(self, batches: Sequence[Batch], x: Tensor) -> Iterator[Tensor]:
        """Predictions at x, `tasks q dy`, before the first mini-batch and after each."""
        ...


@runtime_checkable
class Task(Protocol):
    """p(T): a distribution over tasks, as a sampler of their data D_T.

    `x_scale` and `y_scale`, the RMS of one entry of x and of y, are optional and 1 by default. A task whose queries are
    not held-out observations draws its own `episode`, as `CausalOrder` does. A task that a config names in JSON is
    listed in `tasks.TASKS`.
    """

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


class KnownTask(Task, Protocol):
    """A task whose likelihood is known: what the parametric regime needs.

    It may have `slot_inputs`, `slots dx`: what each slot of theta is about, as an input, for theta="component".
    """

    @property
    def theta_shape(self) -> tuple[int, int]:
        """Slots and width of its parameters."""
        ...

    def decode(self, x: Tensor, theta: Tensor) -> Tensor:
        """The likelihood of one task: inputs `n dx` and parameters `slots width` to predictions `n dy`."""
        ...
