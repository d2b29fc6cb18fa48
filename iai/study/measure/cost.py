"""What an update costs: tokens, floating-point operations and memory; and the device's measured peak."""

import time
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from iai.baselines.learned import LearnedBaseline
from iai.experiment import BaselineExperiment, Experiment, build
from iai.model.amortizer import Amortizer
from iai.study.measure.meter import peak_bytes, seconds
from iai.training.objectives import EndToEnd, Greedy, RandomStep, StepObjective
from iai.training.optimizer import Progress, TrainConfig, adamw, train_step
from iai.types import Batch, Learner


@dataclass(frozen=True)
class Cost:
    """Of one update: tokens through the refiner (of a rival: observations read), floating-point operations."""

    tokens: int
    flops: int


def cost_of_update(amortizer: Amortizer | LearnedBaseline, objective: StepObjective) -> Cost:
    """What one update costs, of whichever model."""
    if isinstance(amortizer, LearnedBaseline):
        assert isinstance(objective, EndToEnd)
        return _cost_of_baseline(amortizer, objective)
    return _cost_of_amortizer(amortizer, objective)


def _cost_of_baseline(rival: LearnedBaseline, objective: EndToEnd) -> Cost:
    """The products of matrices, forward and backward, as PyTorch counts them on tensors without content.

    Where the number of mini-batches is random, the mean of fewest and most: costs are linear in it.
    """
    model, task = deepcopy(rival).to("meta"), objective.task

    def observations(n: int) -> Batch:
        shape = (objective.tasks, n)
        return Batch(*(torch.zeros(*shape, d, device="meta") for d in (task.dx, task.dy)))

    counts = [objective.steps] if objective.all_steps else [1, objective.steps]
    batches, queries = [observations(objective.points)] * objective.steps, observations(objective.queries)
    flops = [
        operations(lambda k=k: model.training_loss(batches[:k], queries).backward())  # type: ignore[misc]
        for k in counts
    ]
    tokens = objective.tasks * objective.points * sum(counts) // len(counts)
    return Cost(tokens=tokens, flops=sum(flops) // len(flops))


def operations(work: Callable[[], object]) -> int:
    """Floating-point operations of `work` in products of matrices (attention's too), distances and inverses."""
    with Operations() as counter, sdpa_kernel(SDPBackend.MATH):
        work()
    return counter.count


def cost_of_adapting(learner: Learner, batches: Sequence[Batch], queries: Batch) -> dict[str, float | None]:
    """Seconds and operations of one f(x, g(batches)); None where there is none that PyTorch could count."""
    with torch.no_grad():
        learner(batches, queries.x)
        selected = seconds(lambda: learner(batches, queries.x), queries.x.device)
        flops = operations(lambda: learner(batches, queries.x))
    return {"seconds": float(f"{selected:.4g}"), "flops": flops or None}


def _cost_of_amortizer(amortizer: Amortizer, objective: StepObjective) -> Cost:
    """Count one update: 6 operations a weight of the blocks and token, 12 L d N a token for attention over N tokens.

    The usual count of forward and backward of a Transformer; a third of it where no gradient is kept. Encoders,
    decoders and the optimizer are left out. Where updates differ at random, their mean.
    """
    blocks, device = amortizer.refiner.blocks, next(amortizer.parameters()).device
    weights = sum(p.numel() for p in blocks.parameters())
    passes: list[Cost] = []

    def count(module: torch.nn.Module, arguments: tuple[Tensor, object]) -> None:
        b, t, width = arguments[0].shape
        share = 1 if torch.is_grad_enabled() else 3
        passes.append(Cost(tokens=b * t, flops=b * t * (6 * weights + 12 * len(blocks) * width * t) // share))

    steps = objective.steps if isinstance(objective, RandomStep) else 1
    if steps > 1:  # one refinement that learns, and (steps - 1) / 2 on average that only lead there
        objective = replace(objective, steps=1)
    handle = blocks[0].register_forward_pre_hook(count)
    try:
        losses = objective(amortizer, torch.Generator(device).manual_seed(0))
        if isinstance(objective, Greedy):
            next(losses)
            passes.clear()  # what it took to fill the pool
        next(losses)
    finally:
        handle.remove()
    tokens, flops = sum(p.tokens for p in passes), sum(p.flops for p in passes)
    return Cost(tokens=tokens * (1 + steps) // 2, flops=flops * (5 + steps) // 6)


def planned(experiment: Experiment | BaselineExperiment) -> int:
    """Operations of a whole training, from its config alone; as `cost_of_update` counts them, for `Refiner` only."""
    if isinstance(experiment, BaselineExperiment):
        return experiment.train.updates * cost_of_update(build(experiment), experiment.objective).flops
    objective, signal, config = experiment.objective, experiment.signal, experiment.refiner
    shapes = build(experiment, device="meta")
    slots = (
        objective.queries
        if experiment.regime == "implicit"
        else shapes.regime.init(torch.zeros(1, 1, 1)).value.shape[1]
    )
    tokens = objective.points * signal.data + slots * (1 + signal.gradients)
    weights = sum(p.numel() for p in shapes.refiner.blocks.parameters())
    each = 6 * weights + 12 * config.depth * config.width * tokens
    steps = objective.steps if isinstance(objective, RandomStep) else 1
    return experiment.train.updates * objective.tasks * tokens * each * (5 + steps) // 6


def load_of_update(
    amortizer: Amortizer | LearnedBaseline, objective: StepObjective, config: TrainConfig
) -> tuple[int, int]:
    """Operators launched by one whole update, and the most bytes that training holds at a time beside the weights.

    The weights are left as they are.
    """
    model: Any = deepcopy(amortizer)
    progress = Progress()
    device = next(model.parameters()).device
    optimizer, losses = adamw(model, config), iter(list[Tensor]())
    objective.task.sample(torch.Generator(device), 1, 1)  # loads its data, which is there once

    def update() -> None:
        nonlocal losses
        loss = next(losses, None)
        if loss is None:
            losses = objective(model, torch.Generator(device).manual_seed(0))
            loss = next(losses)
        train_step(loss, model, optimizer, config, progress)

    def start() -> None:
        update()
        update()

    peak = peak_bytes(start, device)  # of the pool, moments and activations
    return launches(update), peak


def launches(work: Callable[[], object]) -> int:
    """Operators that `work` has the device compute; views and empty allocations are not counted."""
    with Launches() as mode:
        work()
    return mode.count


class Launches(TorchDispatchMode):
    """Counts operators as they are dispatched, those of backward passes too."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not (func.is_view or func.name().startswith(("aten::empty", "aten::detach")))
        return func(*args, **(kwargs or {}))


class Operations(TorchDispatchMode):
    """Counts floating-point operations as PyTorch's formulas have them; 2 q n d a distance matrix, 2 d^3 an inverse."""

    FORMULAS: ClassVar[dict[Any, Callable[..., int]]] = {
        torch.ops.aten._cdist_forward: lambda x, y, *rest, **out: 2 * y.shape[-2] * x.numel(),
        torch.ops.aten._euclidean_dist: lambda x, y, *rest, **out: 2 * y.shape[-2] * x.numel(),  # of 26 and more
        torch.ops.aten.linalg_inv_ex: lambda x, *rest, **out: 2 * x.shape[-1] * x.numel(),
    } | flop_registry

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = self.FORMULAS.get(func.overloadpacket)
        self.count += formula(*args, **(kwargs or {}), out_val=out) if formula else 0
        return out


def peak_flops(device: torch.device, repeats: int = 5) -> float:
    """Floating-point operations a second of the fastest of a few large products, in the precision that trains."""
    cuda = device.type == "cuda"
    size = 8192 if cuda else 1024
    generator = torch.Generator(device)  # its own: a failed capture may leave PyTorch's unusable
    matrix = torch.randn(size, size, generator=generator, device=device)
    matrix = matrix.bfloat16() if cuda else matrix
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        matrix @ matrix
        if cuda:
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def peak_saved_bytes(work: Callable[[], object]) -> int:
    """Most bytes that autograd held at any one time for backward passes while `work` ran, each storage counted once.

    Weights count where they are kept. PyTorch's `torch.func`, and so gradient signals, cannot be metered like this.
    """
    holders: Counter[int] = Counter()  # saved tensors by the address of their storage
    held = peak = 0

    def release(address: int, size: int) -> None:
        nonlocal held
        holders[address] -= 1
        held -= size * (holders[address] == 0)

    def pack(tensor: Tensor) -> Tensor:
        nonlocal held, peak
        kept, storage = tensor.detach(), tensor.untyped_storage()
        holders[storage.data_ptr()] += 1
        held += storage.nbytes() * (holders[storage.data_ptr()] == 1)
        peak = max(peak, held)
        weakref.finalize(kept, release, storage.data_ptr(), storage.nbytes())
        return kept

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept):
        work()
    return peak
