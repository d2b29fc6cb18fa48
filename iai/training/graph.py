"""Updates captured as CUDA graphs: tasks, evidence, refinement, loss, clipping, AdamW and schedule in one replay.

All tensors of an update stay where they are in memory. Without CUDA the same code runs eagerly.
"""

import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from iai.training import distributed
from iai.training.objectives import Greedy
from iai.training.optimizer import Progress, TrainConfig, learning_rate, optimizer_step, set_rate
from iai.training.pool import Pool

WARMUP = 3
"""Eager updates before a capture: they create the state of the optimizer and the plans of the kernels."""


@dataclass
class Horizon:
    """The pool of a horizon of `steps`, the updates so far, and the graph of an update once it is captured."""

    steps: int = 0
    pool: Pool | None = None
    updates: int = 0
    graph: torch.cuda.CUDAGraph | None = None


class CapturedUpdates:
    """Roll-outs of a pool, each of `objective.updates` updates at most, that never wait for the host."""

    def __init__(
        self,
        model: Any,
        objective: Greedy,
        optimizer: torch.optim.Optimizer,
        config: TrainConfig,
        autocast: AbstractContextManager[Any],
    ):
        self.model, self.optimizer, self.config, self.autocast = model, optimizer, config, autocast
        device = next(model.parameters()).device
        self.rates = torch.tensor([learning_rate(config, update) for update in range(config.updates)], device=device)
        self.losses = torch.zeros_like(self.rates)
        self.update = torch.zeros(1, dtype=torch.long, device=device)
        self.generator, self.horizon = torch.Generator(device), Horizon()
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.capturable = device.type == "cuda" and distributed.world() == 1

    def roll_out(self, objective: Greedy, seed: int, progress: Progress) -> None:
        """Fill the pool afresh with the random numbers of `seed`, and run all its updates."""
        if self.horizon.steps != objective.steps:  # the old one is not needed again: horizons only grow
            self.horizon = Horizon(objective.steps)
        first = progress.update
        last = min(first + objective.updates, self.config.updates)
        if self.stream:
            self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            self.generator.manual_seed(seed)
            with self.autocast:
                pool = objective.fill(self.model, self.generator)
            if pool is not None:
                self.horizon.pool = self.horizon.pool.copy_(pool) if self.horizon.pool else pool.clone()
            self.update.fill_(first)
            for _ in range(first, last):
                self._replay_or_run(objective)
            progress.losses.extend(self.losses[first:last].clone().unbind())
        if self.stream:
            torch.cuda.current_stream().wait_stream(self.stream)
        progress.update = last

    def _replay_or_run(self, objective: Greedy) -> None:
        """One update: eager at first, then captured, from then on replayed."""
        horizon = self.horizon
        if self.capturable and horizon.updates == WARMUP:
            horizon.graph = self._capture(objective)
        if horizon.graph:
            horizon.graph.replay()
        else:
            self._run(objective)
        horizon.updates += 1

    def _run(self, objective: Greedy) -> None:
        """One update, on the device alone."""
        with self.autocast:
            loss, pool = objective.advance(self.model, self.horizon.pool, self.generator)
        set_rate(self.optimizer, self.rates[self.update].squeeze(0))
        loss = optimizer_step(loss, self.model, self.optimizer, self.config)
        self.losses.index_copy_(0, self.update, loss.to(self.losses.dtype)[None])
        self.update += 1
        if self.horizon.pool:
            self.horizon.pool.copy_(pool)

    def _capture(self, objective: Greedy) -> torch.cuda.CUDAGraph | None:
        """An update as a CUDA graph; None, with one warning, if it cannot be captured."""
        graph, before = torch.cuda.CUDAGraph(), self.generator.get_state()
        try:
            graph.register_generator_state(self.generator)
            with torch.cuda.graph(graph, stream=self.stream):
                self._run(objective)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self.capturable, self.generator = False, torch.Generator(self.generator.device)
            self.generator.set_state(before)
            self.optimizer.zero_grad(set_to_none=True)
            reason = str(error.__context__ or error).splitlines()[0]
            warnings.warn(f"an update cannot be a CUDA graph and runs without one: {reason}", stacklevel=2)
            return None
        return graph
