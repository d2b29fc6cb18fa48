"""How fast trainings learn, from the curves in their records: operations of the model to a fixed loss.

Every update sees new tasks, so the training loss is an unbiased estimate. While the horizon grows it is one of short
horizons, so all numbers here are of updates at the full horizon. Records of one key can come from different machines,
which a record does not tell apart, so that their seconds cannot be compared and their operations can.
"""

from collections.abc import Callable
from dataclasses import replace
from math import ceil, isfinite

import numpy as np

from iai.experiment import BaselineExperiment, Experiment
from iai.study.ledger import records
from iai.study.ledger.schema import Record
from iai.study.ledger.statistics import Found, Missing
from iai.study.registry import experiment

WINDOW = 0.1
"""Share of all updates that a running mean of the loss is over."""


def full_horizon(chosen: Experiment | BaselineExperiment) -> int:
    """The first update at the full horizon: that of the first roll-out which begins after growth has ended."""
    objective, update = chosen.objective, 0
    while update < chosen.train.updates:
        grown = objective.grown(update / chosen.train.updates)
        if grown.steps == objective.steps:
            break
        update += getattr(grown, "updates", 1)
    return update


def running_loss(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Operations so far and the mean loss over the last `WINDOW` of all updates, where these had the full horizon.

    Updates are taken to cost the same.
    """
    updates, losses = (np.array(record["curve"][name], dtype=float) for name in ("update", "loss"))
    starts = np.concatenate([[0.0], updates[:-1]])
    whole = starts >= full_horizon(experiment(record["key"], record["profile"]))
    width = ceil(WINDOW * len(updates))
    means = np.convolve(losses[whole], np.full(width, 1 / width), "valid") if whole.sum() >= width else np.array([])
    return updates[len(updates) - len(means) :] * record["flops"] / updates[-1], means


def final_loss(key: str, profile: str) -> Found:
    """The running mean of the training loss at the end."""
    return _each(key, profile, lambda record: next(iter(running_loss(record)[1][-1:]), np.nan))


def operations_to(key: str, profile: str, loss: float) -> Found:
    """Operations until the running mean of the training loss is at most `loss`; "–" if a seed does not get there.

    An upper bound, as the mean starts a window after the horizon has grown.
    """

    def reached(record: Record) -> float:
        operations, means = running_loss(record)
        return next(iter(operations[means <= loss]), np.nan)

    return _each(key, profile, reached)


def _each(key: str, profile: str, number: Callable[[Record], float]) -> Found:
    """A number of each record of a key; "–" unless all are finite."""
    found = records.fact(key, profile, "flops")
    if isinstance(found, Missing):
        return found
    values = tuple(float(number(record)) for record in records.records(key, profile))
    if not all(map(isfinite, values)):
        return Missing(reason=f"not all {profile} runs of {key} get there", shown="–")
    return replace(found, values=values)
