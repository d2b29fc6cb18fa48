"""Changes that make one experiment from another."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from iai.experiment import BaselineExperiment, Experiment
from iai.study.registry.sizes import CHOOSING
from iai.tasks import Features, Images, Wrapper
from iai.training import StepObjective

Config = TypeVar("Config")
Trained = TypeVar("Trained", bound=Experiment | BaselineExperiment)
Objective = TypeVar("Objective", bound=StepObjective)


def vary(config: Config, **changes: Any) -> Config:
    """The same with some fields changed; a dict changes fields of the config that a field holds.

    `vary(experiment, space="latent", refiner={"width": 32, "depth": 1})`
    """
    for name, change in changes.items():
        held = getattr(config, name)
        if isinstance(change, dict) and is_dataclass(held):
            changes[name] = vary(held, **change)
    return replace(config, **changes)  # type: ignore[type-var]


def with_rate(experiment: Trained, factor: float) -> Trained:
    """The learning rates times a factor."""
    train = experiment.train
    both = {"matrix_lr": factor * train.matrix_lr} if train.optimizer == "muon" else {}
    return vary(experiment, train={"lr": factor * train.lr} | both)


def halved(experiment: Trained) -> Trained:
    """Half the updates."""
    return vary(experiment, train={"updates": experiment.train.updates // 2})


def with_updates(experiment: Trained, updates: float) -> Trained:
    """So many updates, at most an eighth of them warm-up."""
    warmup = min(experiment.train.warmup, round(updates / 8))
    return vary(experiment, train={"updates": round(updates), "warmup": warmup})


def in_one_context(experiment: Experiment, tokens: float) -> Experiment:
    """The 1-step model of all observations of a task in one context, for so many times the tokens in training."""
    pool, slots = experiment.objective, experiment.objective.queries if experiment.regime == "implicit" else 1
    points = pool.points * pool.steps
    updates = tokens * experiment.train.updates * (pool.points + slots) / (points + slots)
    one = vary(experiment, objective={"steps": 1, "points": points, "growth": 0.0})
    return with_updates(one, updates)


def objective_like(known: StepObjective, kind: type[Objective], **changes: Any) -> Objective:
    """An objective of another kind on the same tasks, steps and mini-batches."""
    shared = {field.name: getattr(known, field.name) for field in fields(StepObjective)}
    return kind(**shared | changes)


def on_validation(experiment: Trained, steps: int | None = None) -> Trained:
    """Judged by the loss on tasks that neither train nor appear in any table, at the last trained step or another."""
    evaluation = {"steps": steps or experiment.objective.steps, "seed": CHOOSING, "generation_tasks": 0}
    return vary(experiment, evaluation_sets={"validation": _validation(experiment.task)}, evaluation=evaluation)


def _validation(task: Any) -> Any:
    """The same distribution over examples or classes that are kept for choices, where examples are real."""
    if isinstance(task, Wrapper):
        return replace(task, task=_validation(task.task))
    if isinstance(task, Images):
        return replace(task, split="validation")
    return replace(task, classes="validation") if isinstance(task, Features) else task
