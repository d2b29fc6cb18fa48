"""Updates captured as CUDA graphs: tasks, evidence, refinement, loss, clipping, optimizer and schedule in one replay.

All tensors of an update stay where they are in memory. Without CUDA the same code runs eagerly.
"""

import timeit
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import Any, TypeGuard

import torch

from iai.training import distributed
from iai.training.objectives import Greedy
from iai.training.optimizer import Progress, TrainConfig, learning_rate, optimizer_step, set_rate
from iai.training.pool import Pool
from iai.types import UserError

WARMUP = 3
"""Eager updates before a capture: they create the state of the optimizer and the plans of the kernels.

The last of them is watched: an update that waits for the GPU is never captured.
"""


@cache
def fast_bfloat16(device: torch.device) -> bool:
    """Whether a device computes products in bfloat16 faster than in float32: a GPU by its kind, a CPU by the clock.

    Some CPUs with instructions for bfloat16 take twice as long for them, and others a quarter.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    wide, square = torch.zeros(1024, 128), torch.zeros(128, 128)
    single, half = (partial(torch.mm, wide.to(dtype), square.to(dtype)) for dtype in (torch.float32, torch.bfloat16))
    return 1.5 * min(timeit.repeat(half, number=2, repeat=9)) < min(timeit.repeat(single, number=2, repeat=9))


def half(config: TrainConfig, device: torch.device) -> bool:
    """Whether refiners run in bfloat16: "auto" does where that is faster."""
    return config.precision == "bfloat16" or (config.precision == "auto" and fast_bfloat16(device))


def autocast(config: TrainConfig, device: torch.device) -> torch.autocast:
    """The precision of forward passes; without a cache, which would keep weights used under no_grad as constants."""
    return torch.autocast(device.type, torch.bfloat16, enabled=half(config, device), cache_enabled=False)


def captures(objective: object, config: TrainConfig, device: torch.device) -> TypeGuard[Greedy]:
    """Whether a training is one of captured updates: of a pool of tasks, on CUDA."""
    return config.capture and device.type == "cuda" and isinstance(objective, Greedy)


def waits(work: Callable[[], object]) -> str:
    """Where `work` first makes the host wait for the GPU, as file:line; "" if nowhere that PyTorch knows of."""
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode(before)
    places = (f"{one.filename}:{one.lineno}" for one in caught if "called a synchronizing" in str(one.message))
    return next(places, "")


class CapturedUpdates:
    """Roll-outs of a pool, each of `objective.updates` updates at most, that never wait for the host."""

    def __init__(
        self, model: Any, optimizer: torch.optim.Optimizer, config: TrainConfig, autocast: AbstractContextManager[Any]
    ):
        self.model, self.optimizer, self.config, self.autocast = model, optimizer, config, autocast
        device = next(model.parameters()).device
        rates = [learning_rate(config, update) for update in range(config.updates)]
        self.rates = torch.tensor(rates, dtype=torch.float64, device=device)  # as exact as those of the host
        self.losses = torch.zeros(config.updates, device=device)
        self.update = torch.zeros(1, dtype=torch.long, device=device)
        self.generator = torch.Generator(device)
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.capturable = device.type == "cuda" and distributed.world() == 1
        self.steps, self.ran = 0, 0  # of the present horizon: its steps, and its updates so far
        self.pool: Pool | None = None
        self.graph: torch.cuda.CUDAGraph | None = None

    def roll_out(self, objective: Greedy, seed: int, progress: Progress) -> None:
        """Fill the pool afresh with the random numbers of `seed`, and run all its updates."""
        if self.steps != objective.steps:  # the old pool and graph are not needed again: horizons only grow
            self.steps, self.ran, self.pool, self.graph = objective.steps, 0, None, None
        first = progress.update
        last = min(first + objective.updates, self.config.updates)
        if self.stream:
            self.stream.wait_stream(torch.cuda.current_stream(self.stream.device))
        with torch.cuda.stream(self.stream):
            self.generator.manual_seed(seed)
            with self.autocast:
                pool = objective.fill(self.model, self.generator)
            if pool is not None:
                self.pool = self.pool.copy_(pool) if self.pool else pool.clone()
            self.update.fill_(first)
            for _ in range(first, last):
                self._replay_or_run(objective)
            progress.losses.extend(self.losses[first:last].clone().unbind())
        if self.stream:
            torch.cuda.current_stream(self.stream.device).wait_stream(self.stream)
        progress.update = last

    def _replay_or_run(self, objective: Greedy) -> None:
        """One update: eager at first, then captured, from then on replayed."""
        if self.capturable and self.ran == WARMUP:
            self.graph = self._capture(objective)
        if self.graph:
            self.graph.replay()
        elif self.capturable and self.ran == WARMUP - 1:
            if place := waits(lambda: self.run(objective)):
                self.capturable = False
                warnings.warn(f"an update waits for the GPU at {place}, so it runs without a CUDA graph", stacklevel=2)
        else:
            self.run(objective)
        self.ran += 1

    def run(self, objective: Greedy) -> None:
        """One update, on the device alone."""
        with self.autocast:
            loss, pool = objective.advance(self.model, self.pool, self.generator)
        set_rate(self.optimizer, self.rates[self.update].squeeze(0))
        loss = optimizer_step(loss, self.model, self.optimizer, self.config)
        self.losses.index_copy_(0, self.update, loss.to(self.losses.dtype)[None])
        self.update += 1
        if self.pool:
            self.pool.copy_(pool)

    def _capture(self, objective: Greedy) -> torch.cuda.CUDAGraph:
        """An update as a CUDA graph; `UserError` if it cannot be one although nothing in it waits for the GPU."""
        graph = torch.cuda.CUDAGraph()
        try:
            if torch.__version__ < "2.14.0a0":  # later ones register every generator that a capture uses
                graph.register_generator_state(self.generator)
            with torch.cuda.graph(graph, stream=self.stream):
                self.run(objective)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = (str(error.__context__ or error).splitlines() or ["no reason"])[0]
            raise UserError(f"an update cannot be a CUDA graph ({reason}): train with capture=False") from error
        return graph
