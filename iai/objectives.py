"""What is minimised: eq. 9, one refinement at a time from detached states."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from iai.amortizer import Amortizer
from iai.losses import LOSSES
from iai.tasks import episode
from iai.types import Batch, Loss, State, Task, UserError, stack

SIZES = 8
"""Context sizes that a shared state answers in one causal training step."""


def greedy_loss(
    amortizer: Amortizer, loss: Loss, state: State, batch: Batch, queries: Batch
) -> tuple[Float[Tensor, ""], State]:
    """Eq. 9: the loss on held-out queries after one step from `state`, and the detached state to go on from."""
    after = amortizer.step(state, batch)
    return loss(amortizer.f(queries.x, after), queries.y).mean(), after.detach()


def causal_loss(
    amortizer: Amortizer, loss: Loss, state: State, batch: Batch, queries: Batch, generator: torch.Generator
) -> tuple[Float[Tensor, ""], State]:
    """Eq. 9 at many context sizes from one forward pass under a causal mask; goes on from the whole batch."""
    evidence = amortizer.regime.evidence(state, batch)
    count = state.value.shape[1] if amortizer.refiner.interface.independent else SIZES
    sizes = torch.randint(1, batch.points + 1, (count,), generator=generator, device=generator.device)
    answers = amortizer.refiner(state, evidence, sizes)
    copies = answers.value.shape[0] // state.value.shape[0]
    x, y = queries.x.repeat_interleave(copies, 0), queries.y.repeat_interleave(copies, 0)
    with torch.no_grad():
        after = amortizer.refiner(state, evidence)
    return loss(amortizer.f(x, answers), y).mean(), after


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """Eq. 9 with tasks in flight: `tasks` tasks in `steps` cohorts, each cohort one step further than the next.

    An update refines all of them once, learns from that step, and goes on from the detached states; the cohort that
    has seen its `steps` mini-batches of `points` observations makes room for new tasks. Every update so weighs all
    steps alike, and one cohort of its tasks is new. `queries` observations a task are held out.
    """

    task: Task
    tasks: int
    steps: int
    points: int
    queries: int
    growth: float = 0.0
    """Share of the training over which the horizon grows from one step to `steps`; it shortens the plateau."""
    turns: int = 4
    """Cohorts pass through the pool this many times before it is filled afresh; only then may training pause."""

    def __post_init__(self) -> None:
        if self.tasks % self.steps:
            raise UserError(
                f"{self.tasks} tasks in flight do not make {self.steps} equal cohorts: choose a multiple"
            )

    def horizon(self, done: float) -> int:
        """Steps of a task once the share `done` of the training is over: a divisor of `tasks`, at most `steps`."""
        grown = self.steps if done >= self.growth else 1 + int(done / self.growth * self.steps)
        return max(steps for steps in range(1, grown + 1) if self.tasks % steps == 0)

    def __call__(
        self, amortizer: Amortizer, generator: torch.Generator, done: float = 1.0
    ) -> Iterator[Float[Tensor, ""]]:
        """Losses, each to be followed by one update of the weights. The first state keeps its graph: it is learned."""
        if self.horizon(done) < self.steps:
            yield from replace(self, steps=self.horizon(done), growth=0.0)(amortizer, generator)
            return
        flights: list[Flight] = []
        for update in range(-self.steps + 1, self.turns * self.steps):
            flights.append(self._launch(amortizer, generator))
            with torch.set_grad_enabled(update >= 0):
                loss, state = self._advance(amortizer, flights, generator)
            if update >= 0:
                yield loss
            states = state.split(self.tasks // self.steps)
            flights = [replace(flight, state=after) for flight, after in zip(flights, states)]
            flights = flights[1:] if len(flights) == self.steps else flights

    def _launch(self, amortizer: Amortizer, generator: torch.Generator) -> "Flight":
        """A cohort of new tasks before its first step."""
        arguments = (self.tasks // self.steps, self.steps, self.points, self.queries)
        batches, queries = episode(self.task, generator, *arguments)
        return Flight(batches, queries, amortizer.regime.init(queries.x))

    def _advance(
        self, amortizer: Amortizer, flights: list["Flight"], generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], State]:
        """Refine all tasks in flight once, oldest cohort first: each sees the mini-batch that it has reached."""
        ages = range(len(flights) - 1, -1, -1)
        batch = stack([flight.batches[age] for flight, age in zip(flights, ages)])
        queries = stack([flight.queries for flight in flights])
        state = State.stack([flight.state for flight in flights])
        arguments = (amortizer, LOSSES[self.task.loss], state, batch, queries)
        if amortizer.refiner.config.mask == "causal":
            return causal_loss(*arguments, generator)
        return greedy_loss(*arguments)


@dataclass(frozen=True)
class Flight:
    """A cohort of tasks under way: all its mini-batches, its held-out queries, and the state that it has reached."""

    batches: list[Batch]
    queries: Batch
    state: State


def rollout_losses(
    amortizer: Amortizer, loss: Loss, batches: Sequence[Batch], queries: Batch, *, detach: bool
) -> Iterator[Float[Tensor, ""]]:
    """The loss after every step of one roll-out, its states detached (eq. 9) or not (backpropagation through time).

    Gradient tokens are cut either way: fused attention has no second derivative, and what it would add is left out.
    """
    state = amortizer.regime.init(queries.x)
    for batch in batches:
        state = amortizer.step(state, batch)
        yield loss(amortizer.f(queries.x, state), queries.y).mean()
        state = state.detach() if detach else state


@dataclass(frozen=True, kw_only=True)
class Unrolled(Greedy):
    """The reference that eq. 9 replaces: one mean loss over all steps of a roll-out, with the graph of all of them.

    An update costs as many refinements as one of `Greedy`: all `steps` of `tasks // steps` new tasks.
    """

    def __call__(
        self, amortizer: Amortizer, generator: torch.Generator, done: float = 1.0
    ) -> Iterator[Float[Tensor, ""]]:
        """One loss a roll-out, for one update of the weights."""
        steps = self.horizon(done)
        arguments = (self.tasks // steps, steps, self.points, self.queries)
        batches, queries = episode(self.task, generator, *arguments)
        losses = rollout_losses(amortizer, LOSSES[self.task.loss], batches, queries, detach=False)
        yield torch.stack(list(losses)).mean()
