"""Training objectives: eq. 9, one refinement at a time from detached states, and what it is compared with."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from iai.fields import Count, Share, Size, config, recorded
from iai.losses import LOSSES, Loss
from iai.model import Amortizer
from iai.tasks import episode, finite
from iai.training import distributed
from iai.training.pool import Pool, current_batches
from iai.types import Batch, State, Task, UserError, concat

CONTEXT_SIZES = 8
"""Context sizes that a shared state answers in one causal training step."""
Same = TypeVar("Same", bound="StepObjective")  # not typing.Self, which beartype refuses in tests


def greedy_loss(
    amortizer: Amortizer, loss: Loss, state: State, batch: Batch, queries: Batch
) -> tuple[Float[Tensor, ""], State]:
    """Eq. 9: the loss on held-out queries after one step from `state`, and the next state, detached."""
    after = amortizer.step(state, batch)
    return loss(amortizer.f(queries.x, after), queries.y).mean(), after.detach()


def causal_loss(
    amortizer: Amortizer, loss: Loss, state: State, batch: Batch, queries: Batch, generator: torch.Generator
) -> tuple[Float[Tensor, ""], State]:
    """Eq. 9 at many context sizes from one pass under a causal mask, and the detached state after the whole batch."""
    evidence = amortizer.regime.evidence(state, batch)
    count = state.value.shape[1] if amortizer.refiner.interface.independent else CONTEXT_SIZES
    sizes = torch.randint(1, batch.points + 1, (count,), generator=generator, device=generator.device)
    answers = amortizer.refiner(state, evidence, sizes)
    copies = answers.value.shape[0] // state.value.shape[0]
    x, y = queries.x.repeat_interleave(copies, 0), queries.y.repeat_interleave(copies, 0)
    with torch.no_grad():
        after = amortizer.refiner(state, evidence)
    return loss(amortizer.f(x, answers), y).mean(), after


def random_context_loss(
    amortizer: Amortizer, loss: Loss, state: State, batch: Batch, queries: Batch, generator: torch.Generator
) -> tuple[Float[Tensor, ""], State]:
    """Eq. 9 after the first m ~ U{1, ..., points} observations, one m for all, and the state after the whole batch."""
    size = int(torch.randint(1, batch.points + 1, (), generator=generator, device=generator.device))
    found, _ = greedy_loss(amortizer, loss, state, batch[:size], queries)
    with torch.no_grad():
        return found, amortizer.step(state, batch)


def rollout_losses(
    amortizer: Amortizer, loss: Loss, batches: Sequence[Batch], queries: Batch, *, window: int
) -> Iterator[Float[Tensor, ""]]:
    """The loss after every step of one roll-out, its states detached every `window` steps: 1 is eq. 9, 0 is never.

    More than 1 is truncated backpropagation through time. Gradient tokens are detached in any case: fused attention
    has no second derivative.
    """
    state = amortizer.regime.init(queries.x)
    for step, batch in enumerate(batches, start=1):
        state = amortizer.step(state, batch)
        yield loss(amortizer.f(queries.x, state), queries.y).mean()
        state = state.detach() if window and step % window == 0 else state


@config
class StepObjective(ABC):
    """Settings of all objectives: tasks of `steps` mini-batches of `points` observations, `queries` held out.

    `tasks` are those that an update refines: all are new in `RandomStep` and `EndToEnd`, one of `steps` cohorts in
    `Greedy`, and as many as such a cohort in `Unrolled`.
    """

    task: Task
    tasks: Size
    steps: Size
    points: Size
    queries: Size
    growth: Share = 0.0
    """Share of the training over which the horizon grows from one step to `steps`; it shortens the plateau."""

    def __post_init__(self) -> None:
        LOSSES[self.task.loss]  # an unknown one is an error now
        if self.tasks % self.steps:
            raise UserError(f"{self.tasks} tasks do not make {self.steps} equal cohorts: choose a multiple")

    def __call__(self, model: Any, generator: torch.Generator, done: float = 1.0) -> Iterator[Float[Tensor, ""]]:
        """Losses of one roll-out, each for one update of the weights, after the share `done` of the training."""
        return self.grown(done).losses(model, generator)

    @abstractmethod
    def losses(self, model: Any, generator: torch.Generator) -> Iterator[Float[Tensor, ""]]:
        """Losses of one roll-out at the full horizon, each for one update of the weights."""

    def try_out(self, generator: torch.Generator) -> None:
        """Draw once, and raise a `UserError` where what the task draws is not finite."""
        finite(self.task, self.draw(generator, self.tasks // self.steps))

    def horizon(self, done: float) -> int:
        """Steps of a task after the share `done` of the training: a divisor of `tasks`, at most `steps`."""
        grown = self.steps if done >= self.growth else 1 + int(done / self.growth * self.steps)
        return max(steps for steps in range(1, grown + 1) if self.tasks % steps == 0)

    def grown(self: Same, done: float) -> Same:
        """The same objective with the horizon that it has after the share `done` of the training."""
        steps = self.horizon(done)
        return self if steps == self.steps else replace(self, steps=steps, growth=0.0)

    def draw(self, generator: torch.Generator, tasks: int) -> tuple[list[Batch], Batch]:
        """All mini-batches and queries of this process's share of new tasks."""
        batches, queries = episode(self.task, generator, tasks, self.steps, self.points, self.queries)
        part = distributed.share(tasks)
        return [batch.tasks(part) for batch in batches], queries.tasks(part)

    def refine(
        self, amortizer: Amortizer, state: State, batch: Batch, queries: Batch, generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], State]:
        """Loss and next states of one refinement: `causal_loss` under a causal mask, else `greedy_loss`."""
        arguments = (amortizer, LOSSES[self.task.loss], state, batch, queries)
        causal = amortizer.refiner.config.mask == "causal"
        return causal_loss(*arguments, generator) if causal else greedy_loss(*arguments)


@config
class Greedy(StepObjective):
    """Eq. 9 over a pool of `tasks` tasks in `steps` cohorts, each cohort one step further than the next.

    An update admits a cohort of new tasks, refines all tasks once, learns from that step, and retires the cohort that
    has read all its mini-batches. So every update weighs all steps alike. With `steps=3`, the step that each cohort
    takes is::

        update       1  2  3  4  5
        cohort a     3
        cohort b     2  3
        cohort c     1  2  3
        cohort d        1  2  3
        cohort e           1  2  3
    """

    passes_per_fill: Size = recorded(default=4, name="turns")
    """Cohorts pass through the pool this many times before it is filled afresh; only then may training pause."""
    random_contexts: bool = recorded(default=False, omitted=True)
    """An update learns from a random number of each mini-batch's observations: what a full mask has for the many sizes
    of a causal one. Its shapes change, so it is no CUDA graph: train with capture=False."""

    @property
    def updates(self) -> int:
        """Updates of the weights from one filling of the pool."""
        return self.passes_per_fill * self.steps

    def losses(self, model: Amortizer, generator: torch.Generator) -> Iterator[Float[Tensor, ""]]:
        """The loss of every update from one filling of the pool."""
        pool = self.fill(model, generator)
        for _ in range(self.updates):
            loss, pool = self.advance(model, pool, generator)
            yield loss

    def refine(
        self, amortizer: Amortizer, state: State, batch: Batch, queries: Batch, generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], State]:
        """Loss and next states of one refinement: `random_context_loss` if asked for, else those of any objective."""
        if not self.random_contexts:
            return super().refine(amortizer, state, batch, queries, generator)
        return random_context_loss(amortizer, LOSSES[self.task.loss], state, batch, queries, generator)

    @torch.no_grad()
    def fill(self, amortizer: Amortizer, generator: torch.Generator) -> Pool | None:
        """Cohorts that have taken 1 to `steps - 1` steps, without learning; None for a horizon of one step."""
        pool = None
        for _ in range(self.steps - 1):
            _, pool = self.advance(amortizer, pool, generator)
        return pool

    def advance(
        self, amortizer: Amortizer, pool: Pool | None, generator: torch.Generator
    ) -> tuple[Float[Tensor, ""], Pool]:
        """One update: admit a cohort, refine all tasks once, retire the cohort that has read all mini-batches."""
        batches, queries = self.draw(generator, self.tasks // self.steps)
        cohort = Pool(concat([*batches, queries]), amortizer.regime.init(queries.x))  # its start is learned
        pool = pool.admit(cohort) if pool else cohort.admit()
        size = len(queries.x)  # of this process's share
        cohorts, observed = len(pool.data.x) // size, self.steps * self.points
        batch = current_batches(pool.data[:observed], cohorts, self.points)
        loss, state = self.refine(amortizer, pool.state, batch, pool.data[observed:], generator)
        pool = Pool(pool.data, state).retire(size if cohorts == self.steps else 0)
        return distributed.scale_to_mean(loss, self.tasks // self.steps), pool


@config
class Unrolled(StepObjective):
    """The mean loss over all steps of a roll-out of `tasks // steps` new tasks, as one update.

    Gradients flow through all steps (backpropagation through time), through the last `window` steps at most, or, with
    `detach`, through one (eq. 9). An update costs as many refinements as one of `Greedy`.
    """

    detach: bool = False
    window: Count = recorded(default=0, omitted=True)

    def losses(self, model: Amortizer, generator: torch.Generator) -> Iterator[Float[Tensor, ""]]:
        """One loss, the mean over steps."""
        batches, queries = self.draw(generator, self.tasks // self.steps)
        window = 1 if self.detach else self.window
        each = rollout_losses(model, LOSSES[self.task.loss], batches, queries, window=window)
        yield distributed.scale_to_mean(torch.stack(list(each)).mean(), self.tasks // self.steps)


@config
class RandomStep(StepObjective):
    """Eq. 9 to the letter: roll `tasks` new tasks out to a random step without learning, and learn from the next.

    An update costs `(steps - 1) / 2` refinements without a gradient on average, and one with.
    """

    def losses(self, model: Amortizer, generator: torch.Generator) -> Iterator[Float[Tensor, ""]]:
        """One loss, that of the step after the random one."""
        last = int(torch.randint(self.steps, (), generator=generator, device=generator.device))
        batches, queries = self.draw(generator, self.tasks)
        with torch.set_grad_enabled(last == 0):  # the first state is learned
            state = model.g(batches[:last], queries.x)
        loss, _ = self.refine(model, state, batches[last], queries, generator)
        yield distributed.scale_to_mean(loss, self.tasks)


@config
class EndToEnd(StepObjective):
    """Eq. 6 through all of g: `tasks` new tasks an update, with k ~ U{1, ..., steps} mini-batches or always `steps`.

    The model has a training loss of its own, `model.training_loss(batches, queries)`, as learned baselines have.
    """

    json_type: ClassVar[str] = "Whole"
    all_steps: bool = recorded(default=False, name="every")
    """Always all `steps` mini-batches: for a learner whose own training loss looks at each of its steps."""

    def losses(self, model: Any, generator: torch.Generator) -> Iterator[Float[Tensor, ""]]:
        """One loss, the model's own."""
        drawn = int(torch.randint(self.steps, (), generator=generator, device=generator.device))
        batches, queries = self.draw(generator, self.tasks)
        k = self.steps if self.all_steps else 1 + drawn
        yield distributed.scale_to_mean(model.training_loss(batches[:k], queries), self.tasks)
