"""From k mini-batches to predictions, 64 tasks at once: amortizers of the `small` profile beside classical learners."""

from functools import cache
from typing import Any

import pytest
import torch
from common import measure, named

from iai.baselines import classical as baselines
from iai.evaluation import EvaluationConfig, episodes
from iai.experiment import build
from iai.study.registry import experiment as registered
from iai.study.registry.ablations import BASES
from iai.types import Batch, Learner, UserError, concat

CLASSICAL = {"linear-regression": ("sgd", "adam", "ridge"), "mnist": ("sgd", "adam", "logistic")}
KS = {"linear-regression": (1, 2, 5, 10), "mnist": (1, 2, 5, 10)}
CASES = [
    (family, who, k)
    for family, learners in CLASSICAL.items()
    for who in ("many steps", "one context", *learners)
    for k in KS[family]
    if who != "one context" or k == KS[family][-1]
]


@cache
def tasks(family: str) -> tuple[list[Batch], Batch]:
    chosen = registered(BASES[family], "small")
    (task,) = list(chosen.evaluation_sets.values())[:1]
    config = EvaluationConfig(tasks=64, points=chosen.objective.points, steps=KS[family][-1])
    return next(episodes(task, config))


@cache
def learner(family: str, who: str) -> Learner:
    chosen = registered(BASES[family], "small")
    if who not in ("many steps", "one context"):
        return baselines.for_task(chosen.task, points=chosen.objective.points)[who]
    model = build(chosen).requires_grad_(False)
    return model if who == "many steps" else lambda batches, x: model([concat(batches)], x)


@pytest.mark.parametrize(("family", "who", "k"), CASES, ids=lambda value: str(value).replace(" ", "-"))
def test_adapting(benchmark: Any, family: str, who: str, k: int) -> None:
    named(benchmark, f"adapting to {family}, 64 tasks", f"{who}, k = {k}")
    try:
        batches, queries = tasks(family)
    except UserError as error:
        pytest.skip(str(error))
    adapt = learner(family, who)

    @torch.no_grad()
    def work() -> None:
        adapt(batches[:k], queries.x)

    measure(benchmark, work, rounds=20)
