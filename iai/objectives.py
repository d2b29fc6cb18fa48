"""What is minimised: eq. 9, one refinement at a time from detached states."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from iai.amortizer import Amortizer
from iai.losses import LOSSES
from iai.tasks import episode
from iai.types import Batch, Loss, State, Task


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


SIZES = 8
"""Context sizes that a shared state answers in one causal training step."""


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """Eq. 9 over a roll-out: new tasks, `steps` mini-batches each, one loss and no graph kept a step.

    The first step starts from the learned state, so that it learns too; every later one from a detached state.
    """

    task: Task
    tasks: int
    steps: int
    points: int
    queries: int

    def __call__(self, amortizer: Amortizer, generator: torch.Generator) -> Iterator[Float[Tensor, ""]]:
        """The losses of one roll-out in order of its steps; each may be followed by an update of the weights."""
        batches, queries = episode(self.task, generator, self.tasks, self.steps, self.points, self.queries)
        loss, causal = LOSSES[self.task.loss], amortizer.refiner.config.mask == "causal"
        state = amortizer.regime.init(queries.x)
        for batch in batches:
            arguments = (amortizer, loss, state, batch, queries)
            value, state = causal_loss(*arguments, generator) if causal else greedy_loss(*arguments)
            yield value
