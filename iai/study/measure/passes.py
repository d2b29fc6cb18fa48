"""One pass over N points against k passes over N / k: operations, kernel time, wall time and memory of each."""

import os
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from iai.evaluation import EvaluationConfig
from iai.experiment import Experiment, build
from iai.model import RefinerConfig, Signal, Signals
from iai.study.ledger.records import Record
from iai.study.measure.cost import operations
from iai.study.measure.meter import Work, kernel_ms, peak_bytes, timed
from iai.tasks import LinearRegression, episode
from iai.training import Greedy
from iai.types import Batch, UserError

Attention = Literal["fused", "materialised"]
"""Attention whose N x N matrix never exists as a whole, or is written to memory."""

KERNELS: dict[Attention, list[SDPBackend]] = {
    "fused": [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION],
    "materialised": [SDPBackend.MATH],
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One linear regression task of `points` observations, read in `passes` refinements of points / passes each.

    The implicit regime has `queries` slots, read again in every pass; the parametric regime has one slot.
    """

    points: int = 1000
    passes: int = 1
    regime: Literal["parametric", "implicit"] = "parametric"
    signal: Signals = "data"
    queries: int = 64
    attention: Attention = "fused"
    width: int = 64
    depth: int = 2
    heads: int = 2
    dimension: int = 10

    def __post_init__(self) -> None:
        if self.points % self.passes:
            raise UserError(
                f"{self.points} points do not make {self.passes} equal passes: choose a divisor of {self.points}"
            )

    @property
    def experiment(self) -> Experiment:
        """The amortizer as a run would build it, with a feed-forward layer of four widths."""
        task = LinearRegression(dimension=self.dimension)
        return Experiment(
            regime=self.regime,
            objective=Greedy(task=task, tasks=1, steps=1, points=1, queries=1),
            evaluation_sets={},
            evaluation=EvaluationConfig(),
            signal=Signal(kind=self.signal),
            refiner=RefinerConfig(
                width=self.width, depth=self.depth, heads=self.heads, feedforward=4 * self.width, bilinear=False
            ),
        )

    @property
    def tokens(self) -> int:
        """Tokens of one pass: its observations, the slots, and a gradient of each slot where gradients are shown."""
        return self.points // self.passes * ("data" in self.signal) + self.slots * (1 + ("grad" in self.signal))

    @property
    def slots(self) -> int:
        """Slots of the state."""
        return self.queries if self.regime == "implicit" else 1


def flops(case: Case) -> int:
    """Forward operations of all passes of a case; slots that are read again in each pass count each time."""
    task, model = case.experiment.task, build(case.experiment, device="meta").requires_grad_(False)
    batch = Batch(*(torch.empty(1, case.points // case.passes, d, device="meta") for d in (task.dx, task.dy)))
    state = model.regime.init(torch.empty(1, case.slots, task.dx, device="meta"))
    return case.passes * operations(lambda: model.step(state, batch))


def needed_bytes(case: Case) -> int:
    """Bytes at the peak of a pass: activations in float32, and matrices of tokens x tokens.

    A materialised attention matrix exists as scores, as weights and as a mask of infinities; the mask of independent
    slots as one byte an entry and as floats.
    """
    squares = 9 * case.heads * (case.attention == "materialised") + 5 * (case.regime == "implicit")
    return squares * case.tokens**2 + 60 * case.width * case.tokens


def available_bytes(device: torch.device) -> int:
    """Free memory of a GPU; half of a machine's memory, which others use too."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def workload(case: Case, device: torch.device) -> Work:
    """All passes of a case from the initial state, without a graph."""
    experiment = case.experiment
    amortizer = build(experiment, device=device).requires_grad_(False)
    generator = torch.Generator(device).manual_seed(0)
    arguments = (1, case.passes, case.points // case.passes, case.slots)
    batches, queries = episode(experiment.task, generator, *arguments)

    def work() -> object:
        with sdpa_kernel(KERNELS[case.attention]):
            return amortizer.g(batches, queries.x)

    return work


def measure(case: Case, device: torch.device | str = "cpu", repeats: int = 20, limit: int | None = None) -> Record:
    """Operations, kernel time, wall time (ms), and peak memory (bytes) of a case.

    A case that needs more than `limit` bytes (by default: what is free) is not run, and its `reason` says so.
    """
    device = torch.device(device)
    limit = available_bytes(device) if limit is None else limit
    record: Record = {**asdict(case), "device": device.type, "flops": flops(case), "reason": None}
    nothing = dict.fromkeys(("kernel_ms", "eager_ms", "peak_bytes"))
    if needed_bytes(case) > limit:
        return record | nothing | {"reason": too_large(case, limit)}
    try:
        work = workload(case, device)
        peak, kernel = peak_bytes(work, device), round(kernel_ms(work, device), 4)
        eager = timed(work, device, repeats)
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        return record | nothing | {"reason": too_large(case, limit)}
    return record | {"kernel_ms": kernel, "eager_ms": eager, "peak_bytes": peak}


def too_large(case: Case, limit: int) -> str:
    """The size that did not fit, and the setting to change."""
    remedy = "raise passes" + (" or choose attention='fused'" if case.attention == "materialised" else "")
    return (
        f"points={case.points} in passes={case.passes} makes {case.tokens} x {case.tokens} matrices of"
        f" {needed_bytes(case) / 1e9:.1f} GB, and {limit / 1e9:.1f} GB are there: lower points, {remedy}"
    )
