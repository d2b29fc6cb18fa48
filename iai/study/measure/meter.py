"""Time in operators or kernels, wall time and memory of a piece of work, measured."""

import time
from collections.abc import Callable
from itertools import accumulate
from statistics import median, quantiles
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import profile

Work = Callable[[], object]


def peak_bytes(work: Work, device: torch.device | str = "cpu") -> int:
    """Most bytes of tensors that `work` had allocated at any one time, beyond those that were there before."""
    device = torch.device(device)
    if device.type != "cuda":
        events = _events(work, device, profile_memory=True)
        return max(accumulate((event.nbytes() for event in events if event.name() == "[memory]"), initial=0))
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()  # not profiled, as it may capture a graph
    return torch.cuda.max_memory_allocated(device) - before


def kernel_ms(work: Work, device: torch.device) -> float:
    """Milliseconds in operators (on a GPU: in kernels): the median of three runs, or the first if it takes a second."""
    first = _busy(work, device)
    return first if first >= 1000 else median([first, _busy(work, device), _busy(work, device)])


def _events(work: Work, device: torch.device, **options: Any) -> list[Any]:
    """The profiler's events on CPU and GPU in one run of `work`, in order of time."""
    with profile(**options) as profiler:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return sorted(profiler.profiler.kineto_results.events(), key=lambda event: event.start_ns())


def _busy(work: Work, device: torch.device) -> float:
    """Milliseconds in operators or, on a GPU, in kernels: the sum of their self times, as nested ones count once."""
    kind, total, end = getattr(DeviceType, device.type.upper()), 0, 0
    for event in _events(work, device):
        if event.device_type() == kind and event.end_ns() > end:
            total += event.end_ns() - max(event.start_ns(), end)
            end = event.end_ns()
    return total / 1e6


def seconds(work: Work, device: torch.device) -> float:
    """Wall time of one run of `work`, to the end of its last kernel."""
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def timed(work: Work, device: torch.device, repeats: int) -> dict[str, float]:
    """Median and distance of the quartiles (ms) of up to `repeats` runs: of at least 3, and no more than a second's."""
    found = [seconds(work, device) for _ in range(3)]
    more = min(repeats, int(1 / median(found))) - len(found)
    found = [1e3 * one for one in found + [seconds(work, device) for _ in range(more)]]
    low, _, high = quantiles(found, n=4)
    return {"median": round(median(found), 4), "iqr": round(high - low, 4), "repeats": len(found)}
