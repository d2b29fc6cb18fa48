"""What an update costs: tokens, floating-point operations and memory; and the device's measured peak."""

import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from iai.baselines.learned import LearnedBaseline
from iai.experiment import BaselineExperiment, Experiment, build
from iai.model import Amortizer
from iai.study.measure.meter import peak_bytes, seconds
from iai.training import EndToEnd, Greedy, Progress, RandomStep, StepObjective, TrainConfig, adamw, train_step
from iai.training.graph import CapturedUpdates, autocast, captures, half
from iai.types import Batch, Learner

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


def cost_of_update(amortizer: Amortizer | LearnedBaseline, objective: StepObjective) -> Cost:
    """Tokens and operations of one update."""
    if isinstance(amortizer, Amortizer):
        return _cost_of_amortizer(amortizer, objective)
    assert isinstance(objective, EndToEnd)
    return _cost_of_baseline(amortizer, objective)


def _cost_of_baseline(baseline: LearnedBaseline, objective: EndToEnd) -> Cost:
    """The products of matrices, forward and backward, as PyTorch counts them on tensors without content.

    Where the number of mini-batches is random, the mean of fewest and most: costs are linear in it.
    """
    model, task = deepcopy(baseline).to("meta"), objective.task

    def observations(n: int) -> Batch:
        return Batch(*(torch.zeros(objective.tasks, n, d, device="meta") for d in (task.dx, task.dy)))

    counts = [objective.steps] if objective.all_steps else [1, objective.steps]
    batches, queries = [observations(objective.points)] * objective.steps, observations(objective.queries)
    flops = sum(operations(lambda k=k: model.training_loss(batches[:k], queries).backward()) for k in counts)  # type: ignore[misc]
    tokens = objective.tasks * objective.points * sum(counts)
    return Cost(tokens=tokens // len(counts), flops=flops // len(counts))


def _cost_of_amortizer(amortizer: Amortizer, objective: StepObjective) -> Cost:
    """Count one update: 6 operations a weight of the blocks and token, 12 L d N a token for attention over N tokens.

    The usual count of forward and backward of a Transformer; a third of it where no gradient is kept. Encoders,
    decoders and the optimizer are left out. Where updates differ at random, their mean.
    """
    blocks, device = amortizer.refiner.blocks, next(amortizer.parameters()).device
    passes: list[Cost] = []

    def add(module: torch.nn.Module, arguments: tuple[Tensor, object]) -> None:
        tasks, tokens, width = arguments[0].shape
        flops = tasks * tokens * _flops_of_token(blocks, len(blocks), width, tokens)
        passes.append(Cost(tokens=tasks * tokens, flops=flops // (1 if torch.is_grad_enabled() else 3)))

    steps = _refinements(objective)
    objective = replace(objective, steps=1) if steps > 1 else objective
    handle = blocks[0].register_forward_pre_hook(add)
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


def _flops_of_token(blocks: torch.nn.Module, depth: int, width: int, tokens: int) -> int:
    """Forward and backward operations of all blocks for one of `tokens` tokens."""
    return 6 * sum(p.numel() for p in blocks.parameters()) + 12 * depth * width * tokens


def _refinements(objective: StepObjective) -> int:
    """Steps that `RandomStep` draws the trained one from, after (steps - 1) / 2 untrained ones on average; else 1."""
    return objective.steps if isinstance(objective, RandomStep) else 1


def planned(experiment: Experiment | BaselineExperiment) -> int:
    """Operations of a whole training, from its config alone; as `cost_of_update` counts them, for `Refiner` only."""
    if isinstance(experiment, BaselineExperiment):
        return experiment.train.updates * cost_of_update(build(experiment), experiment.objective).flops
    objective, signal = experiment.objective, experiment.signal
    model = build(experiment, device="meta")
    implicit = experiment.regime == "implicit"
    slots = objective.queries if implicit else model.regime.init(torch.zeros(1, 1, 1)).value.shape[1]
    tokens = objective.points * signal.data + slots * (1 + signal.gradients)
    size, blocks = experiment.refiner, model.refiner.blocks
    flops = objective.tasks * tokens * _flops_of_token(blocks, size.depth, size.width, tokens)
    return experiment.train.updates * flops * (5 + _refinements(objective)) // 6


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
    progress, optimizer, precision = Progress(), adamw(model, config), autocast(config, device)
    objective.task.sample(torch.Generator(device), 1, 1)  # loads its data, which is there once
    if captures(objective, config, device):
        whole = CapturedUpdates(model, objective, optimizer, config, precision)
        peak = peak_bytes(lambda: whole.roll_out(replace(objective, passes_per_fill=1), 0, progress), device)
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
