"""Error after k = 0 ... K mini-batches, beyond the trained horizon too, with the baselines on the same tasks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from iai.baselines.learned import Stepwise
from iai.losses import METRICS
from iai.model.amortizer import Amortizer
from iai.tasks import episode
from iai.types import Batch, Learner, Loss, Task, concat, recorded

Curve = dict[str, list[float | None]]
"""`mean` and `se` (standard error over tasks) of a metric at k = 0 ... K; None where k was not asked."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How many tasks of how many points are evaluated, drawn with a seed that no training uses."""

    tasks: int = 128
    steps: int = 20
    points: int = 10
    queries: int = 64
    seed: int = 1_000_000_007
    chunk: int = 64
    """Tasks held in memory at once."""
    contexts: tuple[int, ...] = recorded((), omitted=True)
    """Sizes of a first mini-batch to evaluate after, too, at most `points`."""
    one_context: bool = recorded(False, omitted=True)
    """An amortizer reads all observations seen so far as one mini-batch, afresh at each k asked."""
    generation_tasks: int = recorded(0, name="clouds", omitted=True)
    """Tasks from which is generated; 0 where nothing is (`iai.evaluation.generation`)."""


def episodes(
    task: Task, config: EvaluationConfig, device: torch.device | str = "cpu"
) -> Iterator[tuple[list[Batch], Batch]]:
    """The evaluation tasks, chunk by chunk: the same ones on every call, drawn on the CPU."""
    for i, first in enumerate(range(0, config.tasks, config.chunk)):
        generator = torch.Generator().manual_seed(config.seed + i)
        tasks = min(config.chunk, config.tasks - first)
        batches, queries = episode(task, generator, tasks, config.steps, config.points, config.queries)
        yield [batch.to(device) for batch in batches], queries.to(device)


@torch.no_grad()
def evaluate(amortizer: Amortizer | Stepwise, task: Task, config: EvaluationConfig) -> dict[str, Curve]:
    """The metrics of a task after every step, as mean and standard error over tasks.

    And, as `<metric>_by_points`, at index m after one step of m observations, for m in `contexts`.
    """
    device = next(amortizer.parameters()).device

    def predictions(batches: Sequence[Batch], x: Tensor) -> Iterator[Tensor]:
        if isinstance(amortizer, Stepwise):
            yield from (amortizer.f(x, theta) for theta in amortizer.path(batches, x))
            return
        state = amortizer.regime.init(x)
        yield amortizer.f(x, state)
        for batch in batches:
            state = amortizer.step(state, batch)
            yield amortizer.f(x, state)

    def of_parts(batches: Sequence[Batch], x: Tensor) -> Iterator[Tensor]:
        for size in config.contexts:
            yield amortizer([batches[0][:size]], x)

    curves = _curves(predictions, task, config, list(range(config.steps + 1)), device)
    if config.contexts:
        by_size = _curves(of_parts, task, config, list(config.contexts), device, config.points)
        curves |= {f"{name}_by_points": curve for name, curve in by_size.items()}
    return curves


def evaluate_learner(
    learner: Learner,
    task: Task,
    config: EvaluationConfig,
    ks: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
) -> dict[str, Curve]:
    """The same for any learner, which is handed the first k mini-batches of a task afresh at each k asked."""
    asked = list(range(config.steps + 1) if ks is None else ks)

    def predictions(batches: Sequence[Batch], x: Tensor) -> Iterator[Tensor]:
        for k in asked:
            yield learner(batches[:k], x)

    return _curves(predictions, task, config, asked, device)


def one_context(learner: Learner) -> Learner:
    """The learner that reads all observations as one mini-batch."""
    return lambda batches, x: learner([concat(batches)] if batches else [], x)


def _curves(
    predictions: Callable[[Sequence[Batch], Tensor], Iterator[Tensor]],
    task: Task,
    config: EvaluationConfig,
    ks: list[int],
    device: torch.device | str,
    last: int | None = None,
) -> dict[str, Curve]:
    """Metrics of predictions at `ks` of 0 ... `last`: mean over queries, then mean and standard error over tasks.

    What `ks` count is steps, unless `last` is given.
    """
    metrics: Mapping[str, Loss] = METRICS[task.loss]
    rows: dict[str, list[Tensor]] = {name: [] for name in metrics}
    for batches, queries in episodes(task, config, device):
        answers = list(predictions(batches, queries.x))
        for name, metric in metrics.items():
            rows[name].append(torch.stack([metric(answer, queries.y).mean(-1) for answer in answers]).double().cpu())
    return {name: summarised(torch.cat(values, dim=1), ks, last or config.steps) for name, values in rows.items()}


def summarised(values: Tensor, ks: list[int], last: int) -> Curve:
    """Mean and standard error over tasks of values `k tasks`, laid out on k = 0 ... last."""
    mean: list[float | None] = [None] * (last + 1)
    se: list[float | None] = [None] * (last + 1)
    for k, row in zip(ks, values, strict=True):
        mean[k] = row.mean().item()
        se[k] = (row.std() / row.shape[0] ** 0.5).item()
    return {"mean": mean, "se": se}


def as_json(curves: dict[str, Curve]) -> dict[str, Any]:
    """Curves rounded to what their digits are worth (7 significant ones), for the ledger."""

    def rounded(value: float | None) -> float | None:
        return None if value is None else float(f"{value:.7g}")

    return {
        name: {key: [rounded(v) for v in values] for key, values in curve.items()} for name, curve in curves.items()
    }
