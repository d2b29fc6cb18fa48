"""A whole update on memory that stays where it is: tasks, evidence, refinement, loss, clipping, AdamW and schedule.

A CUDA graph replays such an update at the cost of one launch. Without CUDA the same code runs as it stands.
"""

import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from iai.training import distributed
from iai.training.objectives import Greedy, Pool
from iai.training.optimizer import Progress, TrainConfig, learning_rate, optimizer_step, set_rate

WARM = 3
"""Updates that run as they stand before one is captured: they make the optimizer's state and the kernels' plans."""


@dataclass
class Horizon:
    """The pool of one horizon, and the graph of an update of it once there is one."""

    pool: Pool | None = None
    runs: int = 0
    graph: torch.cuda.CUDAGraph | None = None


class WholeUpdates:
    """Roll-outs of a pool, each of `objective.updates` whole updates with no word from the host in between."""

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
        last = config.updates + objective.updates
        self.rates = torch.tensor([learning_rate(config, update) for update in range(last)], device=device)
        self.losses, self.update = (
            torch.zeros_like(self.rates),
            torch.zeros(1, dtype=torch.long, device=device),
        )
        self.generator, self.horizons = torch.Generator(device), dict[int, Horizon]()
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.capturable = device.type == "cuda" and distributed.world() == 1

    def roll_out(self, objective: Greedy, seed: int, progress: Progress) -> None:
        """Fill the pool of one horizon afresh and follow it, with the random numbers of `seed`."""
        horizon = self.horizon(objective.steps)
        first, last = progress.update, progress.update + objective.updates
        if self.stream:
            self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            self.generator.manual_seed(seed)
            with self.autocast:
                pool = objective.fill(self.model, self.generator)
            if pool is not None:
                horizon.pool = horizon.pool.copy_(pool) if horizon.pool else pool.clone()
            self.update.fill_(first)
            for _ in range(first, last):
                self._next(objective, horizon)
            progress.losses.extend(self.losses[first:last].clone().unbind())
        if self.stream:
            torch.cuda.current_stream().wait_stream(self.stream)
        progress.update = last

    def horizon(self, steps: int) -> Horizon:
        """That of so many steps; one that is left is given up with its memory, for horizons only grow."""
        self.horizons = {steps: self.horizons.get(steps) or Horizon()}
        return self.horizons[steps]

    def _next(self, objective: Greedy, horizon: Horizon) -> None:
        """One update: as it stands at first, then captured, from then on replayed."""
        if self.capturable and horizon.runs == WARM:
            horizon.graph = self._captured(objective, horizon)
        if horizon.graph:
            horizon.graph.replay()
        else:
            self._one(objective, horizon)
        horizon.runs += 1

    def _one(self, objective: Greedy, horizon: Horizon) -> None:
        """One update, on the device alone."""
        with self.autocast:
            loss, pool = objective.advance(self.model, horizon.pool, self.generator)
        set_rate(self.optimizer, self.rates[self.update].squeeze(0))
        loss = optimizer_step(loss, self.model, self.optimizer, self.config)
        self.losses.index_copy_(0, self.update, loss.float()[None])
        self.update += 1
        if horizon.pool:
            horizon.pool.copy_(pool)

    def _captured(self, objective: Greedy, horizon: Horizon) -> torch.cuda.CUDAGraph | None:
        """An update as a CUDA graph; None, with one warning, if it cannot be one."""
        graph, before = torch.cuda.CUDAGraph(), self.generator.get_state()
        try:
            graph.register_generator_state(self.generator)
            with torch.cuda.graph(graph, stream=self.stream):
                self._one(objective, horizon)
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
