"""Error after k = 0 ... K mini-batches, for all learners on the same tasks."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, cast

import torch
from torch import Tensor, nn

from iai.fields import Bounds, Count, Size, config, recorded
from iai.losses import METRICS
from iai.model import Refiner
from iai.tasks import TRAINING_SEEDS, episode, finite
from iai.types import Batch, Episode, Learner, StepwiseLearner, Task, UserError, concat

Curve = dict[str, Any]
"""`mean` of a metric at k = 0 ... K and `se` over tasks; None where k is not evaluated, and for the se of one task.

`tasks` has the values of the single tasks by k, written as a string, at those of `PAIRED_AT` that are evaluated.
"""
PAIRED_AT = (1, 2, 5, 10, 20)
"""Numbers of mini-batches after which the values of single tasks are kept, so that learners can be paired by task."""
UNPAIRED = ("accuracy", "order_accuracy", "loss_by_points")
"""Metrics whose values of single tasks are not put in the ledger."""


@config
class EvaluationConfig:
    """Number and size of the evaluation tasks, drawn with seeds that no training uses."""

    tasks: Size = 128
    steps: Size = 20
    points: Size = 10
    queries: Size = 64
    seed: Annotated[int, Bounds(0, 2**63 - 1)] = 500_000_003
    """That of the first chunk, others count on; modulo 2^32 none is in `tasks.TRAINING_SEEDS`."""
    chunk: Size = 64
    """Tasks held in memory at once."""
    contexts: tuple[Size, ...] = recorded(default=(), omitted=True)
    """Sizes of a first mini-batch, at most `points`, after which the error is evaluated as well."""
    one_context: bool = recorded(default=False, omitted=True)
    """An amortizer reads all observations seen so far as one mini-batch, afresh for each k."""
    generation_tasks: Count = recorded(default=0, name="clouds", omitted=True)
    """Tasks on which generation is evaluated, 0 for none (`iai.evaluation.generation`)."""

    def __post_init__(self) -> None:
        if any(size > self.points for size in self.contexts):
            raise UserError(f"contexts = {self.contexts}: a mini-batch has {self.points} points, choose at most those")
        chunks = 1 + self.tasks // self.chunk
        if any((self.seed + i) % 2**32 in TRAINING_SEEDS for i in range(1 + chunks)):
            raise UserError(f"seed = {self.seed}: training draws from it too, choose one below {TRAINING_SEEDS[0]:,}")


def episodes(task: Task, config: EvaluationConfig, device: torch.device | str = "cpu") -> Iterator[Episode]:
    """The evaluation tasks, chunk by chunk: the same ones on every call, drawn on the CPU."""
    for i, first in enumerate(range(0, config.tasks, config.chunk)):
        generator = torch.Generator().manual_seed(config.seed + i)
        tasks = min(config.chunk, config.tasks - first)
        batches, queries = finite(task, episode(task, generator, tasks, config.steps, config.points, config.queries))
        yield [batch.to(device) for batch in batches], queries.to(device)


def evaluate(
    learner: Learner | StepwiseLearner,
    task: Task,
    config: EvaluationConfig | None = None,
    ks: Sequence[int] | None = None,
    device: torch.device | str | None = None,
) -> dict[str, Curve]:
    """The metrics of a learner, or of any function `(batches, x) -> y_hat`, as mean and standard error over tasks.

    A `StepwiseLearner` predicts after every mini-batch; any other reads its first k afresh, for all k or those in `ks`.
    `<metric>_by_points` has at index m those after one step of m observations, for m in `config.contexts`.
    Predictions of another shape than the targets, or a task of other sizes than a model's, are a `UserError`.
    """
    config, model = (
        config or EvaluationConfig(),
        cast(Any, learner.pretrained() if hasattr(learner, "pretrained") else learner),
    )
    module, asked = isinstance(model, nn.Module), range(config.steps + 1) if ks is None else ks
    where = device or (next(model.parameters()).device if module else "cpu")
    refiner, sizes = getattr(model, "refiner", None), (task.dx, task.dy)
    if isinstance(refiner, Refiner) and sizes != (built := (refiner.interface.dx, refiner.interface.dy)):
        raise UserError(f"the task has (dx, dy) = {sizes}, and the amortizer was built for {built}")

    def curves(predictions: Callable[..., Iterator[Tensor]], ks: Sequence[int], last: int) -> dict[str, Curve]:
        rows: dict[str, list[Tensor]] = {name: [] for name in METRICS[task.loss]}
        for batches, queries in episodes(task, config, where):
            answers = [checked(answer, queries.y) for answer in predictions(batches, queries.x)]
            for name, metric in METRICS[task.loss].items():
                means = [metric(answer, queries.y).mean(-1) for answer in answers]  # over queries
                rows[name].append(torch.stack(means).double().cpu())
        kept = ks if ks is config.contexts else PAIRED_AT
        return {name: summarised(torch.cat(values, dim=1), ks, last, kept) for name, values in rows.items()}

    def afresh(batches: Sequence[Batch], x: Tensor) -> Iterator[Tensor]:
        return (model(batches[:k], x) for k in asked)

    def after_one_step(batches: Sequence[Batch], x: Tensor) -> Iterator[Tensor]:
        return (model([batches[0][:size]], x) for size in config.contexts)

    predictions = model.predictions if ks is None and isinstance(model, StepwiseLearner) else afresh
    with torch.set_grad_enabled(torch.is_grad_enabled() and not module):  # a function may fit by gradients
        found = curves(predictions, asked, config.steps)
        if config.contexts and ks is None:
            by_points = curves(after_one_step, config.contexts, config.points)
            found |= {f"{name}_by_points": curve for name, curve in by_points.items()}
    return found


def one_context(learner: Learner) -> Learner:
    """The learner that reads all observations as one mini-batch."""
    return lambda batches, x: learner([concat(batches)] if batches else [], x)


def checked(answer: Any, y: Tensor) -> Tensor:
    """Predictions as a tensor, which NumPy arrays become; `UserError` for another shape than that of the targets."""
    try:
        found = torch.as_tensor(answer, device=y.device).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"predictions are no tensor of the shape {tuple(y.shape)}: {error}") from error
    if found.shape != y.shape:
        raise UserError(f"predictions have the shape {tuple(found.shape)}; wanted: {tuple(y.shape)}, tasks queries dy")
    return found if found.is_floating_point() else found.to(y.dtype)


def summarised(values: Tensor, ks: Sequence[int], last: int, kept: Sequence[int] = PAIRED_AT) -> Curve:
    """Mean and standard error over tasks of values `k tasks` at their k of 0 ... last, and single tasks at `kept`."""
    mean: list[float | None] = [None] * (last + 1)
    se: list[float | None] = [None] * (last + 1)
    for k, row in zip(ks, values, strict=True):
        mean[k] = row.mean().item()
        se[k] = (row.std() / len(row) ** 0.5).item() if len(row) > 1 else None
    return {"mean": mean, "se": se, "tasks": {str(k): row.tolist() for k, row in zip(ks, values) if k in kept}}


def as_json(curves: dict[str, Curve]) -> dict[str, Any]:
    """Curves for the ledger: means and errors with 7 significant digits, values of single tasks with 4.

    For metrics that say what another says, the values of single tasks are left out.
    """
    dropped = {*UNPAIRED, *(["loss"] if "mse" in curves else [])}  # for a squared error they are the same
    found: dict[str, Any] = {
        name: {part: _rounded(curve[part], 7) for part in ("mean", "se")} for name, curve in curves.items()
    }
    for name, curve in curves.items():
        if curve.get("tasks") and name not in dropped:
            found[name]["tasks"] = {k: _rounded(values, 4) for k, values in curve["tasks"].items()}
    return found


def _rounded(values: Sequence[float | None], digits: int) -> list[Any]:
    return [None if value is None else float(f"{value:.{digits}g}") for value in values]
