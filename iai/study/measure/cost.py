"""What an update costs: tokens, floating-point operations and memory; and the device's measured peak."""

import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from iai.baselines.learned import LearnedBaseline
from iai.experiment import BaselineExperiment, Experiment, build
from iai.model import Amortizer
from iai.study.measure.meter import peak_bytes, seconds
from iai.training import Progress, RandomStep, StepObjective, TrainConfig, make_optimizer, train_step
from iai.training.graph import WARMUP, CapturedUpdates, autocast, captures, half
from iai.types import Batch, Learner, Task

FORMULAS: dict[Any, Callable[..., int]] = {
    torch.ops.aten._cdist_forward: lambda x, y, *rest, **out: 2 * y.shape[-2] * x.numel(),
    torch.ops.aten._euclidean_dist: lambda x, y, *rest, **out: 2 * y.shape[-2] * x.numel(),  # of 26 points and more
    torch.ops.aten.linalg_inv_ex: lambda x, *rest, **out: 2 * x.shape[-1] * x.numel(),
} | flop_registry
"""Operations as PyTorch counts them, and 2 q n d for a matrix of distances, 2 d^3 for an inverse."""


@dataclass(frozen=True)
class Cost:
    """Of one update: tokens through the refiner (of a baseline: observations read), floating-point operations."""

    tokens: int
    flops: int


def cost_of_update(model: Amortizer | LearnedBaseline, objective: StepObjective) -> Cost:
    """Tokens and operations of one update, from the shapes of its data alone; where updates differ at random, the mean.

    Of an amortizer, 6 operations a weight of the blocks and token, and 12 L d N a token for attention over N tokens:
    the usual count of forward and backward of a Transformer, and a third of it where no gradient is kept. The last
    block computes keys and values of all tokens, and the rest of those that are read. Encoders,
    decoders and the optimizer are left out. Of a baseline, the products of matrices, forward and backward, as PyTorch
    counts them.
    """
    return (_cost_of_amortizer if isinstance(model, Amortizer) else _cost_of_baseline)(model, objective)


def _zeros(task: Task, tasks: int, n: int, device: torch.device | str) -> Batch:
    return Batch(*(torch.zeros(tasks, n, d, device=device) for d in (task.dx, task.dy)))


def _cost_of_baseline(baseline: Any, objective: Any) -> Cost:
    """Counted on tensors without content; the mean of fewest and most mini-batches, as costs are linear in them."""
    model, tasks = deepcopy(baseline).to("meta"), objective.tasks
    batches = [_zeros(objective.task, tasks, objective.points, "meta")] * objective.steps
    queries = _zeros(objective.task, tasks, objective.queries, "meta")
    counts = [objective.steps] if objective.all_steps else [1, objective.steps]
    flops = sum(operations(lambda k=k: model.training_loss(batches[:k], queries).backward()) for k in counts)  # type: ignore[misc]
    return Cost(tokens=tasks * objective.points * sum(counts) // len(counts), flops=flops // len(counts))


def _cost_of_amortizer(amortizer: Any, objective: StepObjective) -> Cost:
    """Counted on one refinement of one task, of which an update has as many as `tasks`."""
    blocks, device = amortizer.refiner.blocks, next(amortizer.parameters()).device
    tokens, flops = 0, 0

    def add(block: Any, arguments: tuple[Any, ...]) -> None:
        nonlocal tokens, flops
        (rows, n, width), *_, read = arguments[0].shape, *arguments
        r = read if isinstance(read, int) else n
        tokens += rows * n * (block is blocks[0])
        shared = block.qkv.weight.numel()  # of all tokens; what follows is of those that are read
        rest = sum(p.numel() for p in block.parameters()) - shared + 2 * width * n
        flops += rows * (2 + 4 * torch.is_grad_enabled()) * (n * shared + r * rest)

    batch, queries = (_zeros(objective.task, 1, n, device) for n in (objective.points, objective.queries))
    state = amortizer.regime.init(queries.x)
    with ExitStack() as hooks:
        for block in blocks:
            hooks.enter_context(block.register_forward_pre_hook(add))
        objective.refine(amortizer, state, batch, queries, torch.Generator(device))
    # before the step that it trains, `RandomStep` takes (steps - 1) / 2 on average
    steps = objective.steps if isinstance(objective, RandomStep) else 1
    return Cost(tokens=objective.tasks * tokens * (1 + steps) // 2, flops=objective.tasks * flops * (5 + steps) // 6)


def planned(experiment: Experiment | BaselineExperiment) -> int:
    """Operations of a whole training, as `cost_of_update` counts them, from its config alone."""
    model = build(cast(Experiment, experiment))
    return experiment.train.updates * cost_of_update(model, experiment.objective).flops


def cost_of_adapting(learner: Learner, batches: Sequence[Batch], queries: Batch) -> dict[str, float | None]:
    """Seconds and operations of one f(x, g(batches)); None for operations if PyTorch counts none."""
    with torch.no_grad():
        learner(batches, queries.x)
        took = seconds(lambda: learner(batches, queries.x), queries.x.device)
        flops = operations(lambda: learner(batches, queries.x))
    return {"seconds": float(f"{took:.4g}"), "flops": flops or None}


def load_of_update(
    amortizer: Amortizer | LearnedBaseline, objective: StepObjective, config: TrainConfig
) -> tuple[int, int]:
    """Operators of one whole update, and the most bytes that training holds at a time beside the weights.

    In the precision that trains, and of captured updates where those train; the weights are left as they are.
    """
    model: Any = deepcopy(amortizer)
    device = next(model.parameters()).device
    progress, optimizer, precision = Progress(), make_optimizer(model, config), autocast(config, device)
    objective.task.sample(torch.Generator(device), 1, 1)  # loads its data, which is there once
    if captures(objective, config, device):
        whole = CapturedUpdates(model, optimizer, config, precision)
        peak = peak_bytes(lambda: whole.roll_out(replace(objective, passes_per_fill=WARMUP + 2), 0, progress), device)
        whole.update.zero_()
        return launches(lambda: whole.run(objective)), peak
    losses = chain.from_iterable(objective(model, torch.Generator(device).manual_seed(0)) for _ in count())

    def update(times: int = 1) -> None:
        for _ in range(times):
            with precision:
                loss = next(losses)
            train_step(loss, model, optimizer, config, progress)

    peak = peak_bytes(lambda: update(2), device)  # of the pool, moments and activations
    return launches(update), peak


def operations(work: Callable[[], object]) -> int:
    """Floating-point operations of `work` in products of matrices (attention's too), distances and inverses."""

    def formula(func: Any, args: Any, kwargs: Any, out: Any) -> int:
        known = FORMULAS.get(func.overloadpacket)
        return known(*args, **kwargs, out_val=out) if known else 0

    with Counting(formula) as counter, sdpa_kernel(SDPBackend.MATH):
        work()
    return counter.total


def launches(work: Callable[[], object]) -> int:
    """Operators that `work` has the device compute; views and empty allocations are not counted."""

    def computes(func: Any, *_: Any) -> bool:
        return not (func.is_view or func.name().startswith(("aten::empty", "aten::detach")))

    with Counting(computes) as counter:
        work()
    return counter.total


class Counting(TorchDispatchMode):
    """Adds up a number for each operator that is dispatched, those of backward passes too.

    PyTorch's own `FlopCounterMode` also follows modules, and so fails on views of weights made without a graph.
    """

    def __init__(self, number: Callable[[Any, Any, Any, Any], int]) -> None:
        super().__init__()
        self.number, self.total = number, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.total += self.number(func, args, kwargs or {}, out)
        return out


def peak_flops(device: torch.device, config: TrainConfig, repeats: int = 5) -> float:
    """Floating-point operations a second of the fastest of a few large products, in the precision that trains."""
    size, dtype = 8192 if device.type == "cuda" else 1024, torch.bfloat16 if half(config, device) else torch.float32
    matrix = torch.randn(size, size, generator=torch.Generator(device), device=device).to(dtype)
    return 2 * size**3 / min(seconds(lambda: matrix @ matrix, device) for _ in range(repeats))


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
