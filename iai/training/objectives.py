"""What is minimised: eq. 9, one refinement at a time from detached states."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from iai.losses import LOSSES
from iai.model.amortizer import Amortizer
from iai.tasks import episode
from iai.training import distributed
from iai.types import Batch, Loss, State, Task, UserError, concat, recorded, stack

SIZES = 8
"""Context sizes that a shared state answers in one causal training step."""
Same = TypeVar("Same", bound="StepObjective")
"""An objective of the same kind."""


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
class StepObjective(ABC):
    """What all objectives here have: tasks of `steps` mini-batches of `points` observations, `queries` held out."""

    task: Task
    tasks: int
    steps: int
    points: int
    queries: int
    growth: float = 0.0
    """Share of the training over which the horizon grows from one step to `steps`; it shortens the plateau."""

    def __post_init__(self) -> None:
        if self.tasks % self.steps:
            raise UserError(f"{self.tasks} tasks in flight do not make {self.steps} equal cohorts: choose a multiple")

    def horizon(self, done: float) -> int:
        """Steps of a task once the share `done` of the training is over: a divisor of `tasks`, at most `steps`."""
        grown = self.steps if done >= self.growth else 1 + int(done / self.growth * self.steps)
        return max(steps for steps in range(1, grown + 1) if self.tasks % steps == 0)

    def grown(self: Same, done: float) -> Same:
        """The same with the horizon that it has once the share `done` of the training is over."""
        steps = self.horizon(done)
        return self if steps == self.steps else replace(self, steps=steps, growth=0.0)

    @abstractmethod
    def __call__(
        self, amortizer: Amortizer, generator: torch.Generator, done: float = 1.0
    ) -> Iterator[Float[Tensor, ""]]:
        """Losses of one roll-out, each to be followed by one update of the weights, at a share of the training."""

    def draw(self, generator: torch.Generator, tasks: int) -> tuple[list[Batch], Batch]:
        """All mini-batches and queries of this process's share of new tasks."""
        with torch.autocast(generator.device.type, enabled=False):  # data are exact in every precision
            batches, queries = episode(self.task, generator, tasks, self.steps, self.points, self.queries)
        part = distributed.share(tasks)
        return [batch.tasks(part) for batch in batches], queries.tasks(part)

    def refine(
        self, amortizer: Amortizer, state: State, batch: Batch, queries: Batch, generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], State]:
        """The loss of one refinement under the mask that there is, and the detached states to go on from."""
        arguments = (amortizer, LOSSES[self.task.loss], state, batch, queries)
        causal = amortizer.refiner.config.mask == "causal"
        return causal_loss(*arguments, generator) if causal else greedy_loss(*arguments)


@dataclass(frozen=True, kw_only=True)
class Greedy(StepObjective):
    """Eq. 9 with tasks in flight: `tasks` tasks in `steps` cohorts, each cohort one step further than the next.

    An update refines all of them once, learns from that step, and goes on from the detached states; the cohort that
    has seen its `steps` mini-batches makes room for new tasks. Every update so weighs all steps alike, and one cohort
    of its tasks is new.
    """

    passes_per_fill: int = recorded(4, name="turns")
    """Cohorts pass through the pool this many times before it is filled afresh; only then may training pause."""

    def __call__(
        self, amortizer: Amortizer, generator: torch.Generator, done: float = 1.0
    ) -> Iterator[Float[Tensor, ""]]:
        """Losses, each to be followed by one update of the weights."""
        now = self.grown(done)
        pool = now.fill(amortizer, generator)
        for _ in range(now.updates):
            loss, pool = now.advance(amortizer, pool, generator)
            yield loss

    @property
    def updates(self) -> int:
        """Updates of the weights from one filling of the pool."""
        return self.passes_per_fill * self.steps

    @torch.no_grad()
    def fill(self, amortizer: Amortizer, generator: torch.Generator) -> "Pool | None":
        """Cohorts that have taken 1 to `steps - 1` steps; nothing was learned from those."""
        pool = None
        for _ in range(self.steps - 1):
            pool = self.advance(amortizer, pool, generator)[1]
        return pool

    def advance(
        self, amortizer: Amortizer, pool: "Pool | None", generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], "Pool"]:
        """The loss of refining all tasks in flight once, those just launched too, and the pool without the landed."""
        new = self._launch(amortizer, generator)  # a first state keeps its graph: it is learned
        flying = Pool.stack([new] if pool is None else [pool, new])
        cohorts = flying.data.x.shape[0] // new.data.x.shape[0]
        seen = self.steps * self.points
        batch = reached(flying.data[:seen], cohorts, self.points)
        loss, state = self.refine(amortizer, flying.state, batch, flying.data[seen:], generator)
        landed = new.data.x.shape[0] if cohorts == self.steps else 0
        loss = distributed.weighed(loss, self.tasks // self.steps)
        return loss, Pool(flying.data, state).tasks(slice(landed, None))

    def _launch(self, amortizer: Amortizer, generator: torch.Generator) -> "Pool":
        """A cohort of new tasks before its first step: this process's share of it."""
        batches, queries = self.draw(generator, self.tasks // self.steps)
        return Pool(concat([*batches, queries]), amortizer.regime.init(queries.x))


@dataclass(frozen=True)
class Pool:
    """Tasks in flight, the oldest cohort first: all their observations, and the states that they have reached."""

    data: Batch
    state: State

    def tasks(self, part: slice) -> "Pool":
        """The tasks in a slice."""
        return Pool(self.data.tasks(part), self.state.tasks(part))

    def tensors(self) -> list[Tensor]:
        """All that it holds."""
        return [self.data.x, self.data.y, self.state.value, self.state.anchor, self.state.past]

    def clone(self) -> "Pool":
        """The same in memory of its own."""
        x, y, value, anchor, past = (tensor.clone() for tensor in self.tensors())
        return Pool(Batch(x, y), State(value, anchor, past))

    def copy_(self, other: "Pool") -> "Pool":
        """Take over the content of another, in place."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine.copy_(theirs)
        return self

    @staticmethod
    def stack(pools: Sequence["Pool"]) -> "Pool":
        """The tasks of several pools as one."""
        return Pool(stack([pool.data for pool in pools]), State.stack([pool.state for pool in pools]))


def reached(data: Batch, cohorts: int, points: int) -> Batch:
    """The mini-batch of `points` that each of some equal cohorts has reached; the oldest is first, the newest last."""
    cohort = torch.arange(cohorts, device=data.x.device)

    def diagonal(values: Float[Tensor, "tasks n d"]) -> Float[Tensor, "tasks points d"]:
        steps = values.unflatten(1, (-1, points)).unflatten(0, (cohorts, -1))
        return steps[cohort, :, cohorts - 1 - cohort].flatten(0, 1)

    return Batch(diagonal(data.x), diagonal(data.y))


def rollout_losses(
    amortizer: Amortizer, loss: Loss, batches: Sequence[Batch], queries: Batch, *, window: int
) -> Iterator[Float[Tensor, ""]]:
    """The loss after every step of one roll-out, its states detached every `window` steps: 1 is eq. 9, 0 is never.

    More than 1 is truncated backpropagation through time. Gradient tokens are cut in any case: fused attention has no
    second derivative, and what it would add is left out.
    """
    state = amortizer.regime.init(queries.x)
    for taken, batch in enumerate(batches, start=1):
        state = amortizer.step(state, batch)
        yield loss(amortizer.f(queries.x, state), queries.y).mean()
        state = state.detach() if window and taken % window == 0 else state


@dataclass(frozen=True, kw_only=True)
class Unrolled(StepObjective):
    """A loop that the pool replaces: one mean loss over all steps of a roll-out of `tasks // steps` new tasks.

    Its states keep the graph of all steps (backpropagation through time), of the last `window` steps at most, or,
    with `detach`, of one (eq. 9). An update costs as many refinements as one of `Greedy`.
    """

    detach: bool = False
    window: int = recorded(0, omitted=True)

    def __call__(
        self, amortizer: Amortizer, generator: torch.Generator, done: float = 1.0
    ) -> Iterator[Float[Tensor, ""]]:
        """One loss a roll-out, for one update of the weights."""
        now = self.grown(done)
        batches, queries = now.draw(generator, self.tasks // now.steps)
        window = 1 if self.detach else self.window
        losses = rollout_losses(amortizer, LOSSES[self.task.loss], batches, queries, window=window)
        yield distributed.weighed(torch.stack(list(losses)).mean(), self.tasks // now.steps)


@dataclass(frozen=True, kw_only=True)
class RandomStep(StepObjective):
    """Eq. 9 to the letter: an outer loop rolls `tasks` new tasks out to a random step, and learns from the next.

    An update costs `(steps - 1) / 2` refinements without a gradient beside one with.
    """

    def __call__(
        self, amortizer: Amortizer, generator: torch.Generator, done: float = 1.0
    ) -> Iterator[Float[Tensor, ""]]:
        """One loss a roll-out, for one update of the weights."""
        now = self.grown(done)
        last = int(torch.randint(now.steps, (), generator=generator, device=generator.device))
        batches, queries = now.draw(generator, self.tasks)
        with torch.set_grad_enabled(last == 0):  # the first state is learned
            state = amortizer.g(batches[:last], queries.x)
        loss, _ = self.refine(amortizer, state, batches[last], queries, generator)
        yield distributed.weighed(loss, self.tasks)
