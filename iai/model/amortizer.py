"""The formula of the book, f(x, g(D_T)), as a module."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from jaxtyping import Float
from torch import Tensor, nn

from iai.model.refiner import Refiner
from iai.model.regimes import Parameters, Predictions
from iai.model.relations import Relations
from iai.types import Batch, State, UserError


class Amortizer(nn.Module):
    """f_gamma(x, g_phi(D_T)) (eq. 5), with g one refiner repeated over mini-batches (eqs 7, 8).

    A refiner that was built for other states than those of the regime is a `UserError`.
    """

    def __init__(self, regime: Parameters | Predictions, refiner: Refiner | Relations):
        super().__init__()
        built, needed = asdict(refiner.interface), asdict(regime.interface(refiner.interface))
        wrong = [f"{name}={built[name]!r} and not {needed[name]!r}" for name in built if built[name] != needed[name]]
        if wrong:
            raise UserError(f"the refiner is for {', '.join(wrong)}: build it with regime.interface(task)")
        self.regime, self.refiner = regime, refiner

    def step(self, state: State, batch: Batch) -> State:
        """The state after one more mini-batch; an empty one is as good as none, and without slots nothing changes."""
        if not batch.points or not state.value.shape[1]:
            return state
        return self.refiner(state, self.regime.evidence(state, batch))

    def g(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> State:
        """The state after all mini-batches; their number is the number of steps."""
        state = self.regime.init(x)
        for batch in batches:
            state = self.step(state, batch)
        return state

    def f(self, x: Float[Tensor, "tasks q dx"], state: State) -> Float[Tensor, "tasks q dy"]:
        """Predictions at x from a state."""
        return self.regime.f(x, state)

    def forward(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Float[Tensor, "tasks q dy"]:
        """f(x, g(D_T))."""
        return self.f(x, self.g(batches, x))

    def predictions(self, batches: Sequence[Batch], x: Float[Tensor, "tasks q dx"]) -> Iterator[Tensor]:
        """Predictions at x, `tasks q dy`, before the first mini-batch and after each."""
        state = self.regime.init(x)
        yield self.f(x, state)
        for batch in batches:
            state = self.step(state, batch)
            yield self.f(x, state)
