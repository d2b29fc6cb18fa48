"""What an update costs: tokens, floating-point operations and memory; and the device's measured peak."""

import time
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from iai.amortizer import Amortizer
from iai.objectives import Greedy


@dataclass(frozen=True)
class Cost:
    """Of one update: tokens through the refiner, floating-point operations."""

    tokens: int
    flops: int


@torch.no_grad()
def cost_of_update(amortizer: Amortizer, objective: Greedy) -> Cost:
    """Count one update: 6 operations a weight of the blocks and token, 12 L d N a token for attention over N tokens.

    The usual count of forward and backward of a Transformer; encoders, decoders and the optimizer are left out.
    """
    blocks, device = amortizer.refiner.blocks, next(amortizer.parameters()).device
    weights = sum(p.numel() for p in blocks.parameters())
    passes: list[Cost] = []

    def count(module: torch.nn.Module, arguments: tuple[Tensor, object]) -> None:
        b, t, width = arguments[0].shape
        passes.append(Cost(tokens=b * t, flops=b * t * (6 * weights + 12 * len(blocks) * width * t)))

    handle = blocks[0].register_forward_pre_hook(count)
    losses = objective(amortizer, torch.Generator(device).manual_seed(0))
    try:
        next(losses)
        passes.clear()  # what it took to fill the pool
        next(losses)
    finally:
        handle.remove()
    return Cost(tokens=sum(p.tokens for p in passes), flops=sum(p.flops for p in passes))


def peak_flops(device: torch.device, repeats: int = 5) -> float:
    """Floating-point operations a second of the fastest of a few large products, in the precision that trains."""
    cuda = device.type == "cuda"
    size = 8192 if cuda else 1024
    matrix = torch.randn(size, size, device=device, dtype=torch.bfloat16 if cuda else torch.float32)
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
