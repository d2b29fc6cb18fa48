"""What rivals minimise: eq. 6 through all of g, on the tasks and mini-batches of the rows they compete with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from iai.baselines.learned.base import LearnedBaseline
from iai.training import distributed
from iai.training.objectives import StepObjective
from iai.types import recorded


@dataclass(frozen=True, kw_only=True)
class EndToEnd(StepObjective):
    """Eq. 6: `tasks` new tasks an update, each with k mini-batches, k uniform on 1 ... `steps`, or always `steps`."""

    json_type: ClassVar[str] = "Whole"
    all_steps: bool = recorded(False, name="every")
    """Always all `steps` mini-batches: for a learner whose own objective looks at each of its steps."""

    def __call__(  # type: ignore[override]
        self, amortizer: LearnedBaseline, generator: torch.Generator, done: float = 1.0
    ) -> Iterator[Float[Tensor, ""]]:
        """One loss a roll-out, for one update of the weights."""
        now = self.grown(done)
        drawn = int(torch.randint(now.steps, (), generator=generator, device=generator.device))
        batches, queries = now.draw(generator, self.tasks)
        k = now.steps if self.all_steps else 1 + drawn
        yield distributed.weighed(amortizer.training_loss(batches[:k], queries), self.tasks)
