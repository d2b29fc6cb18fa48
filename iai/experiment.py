"""Configs of runs as plain data: `Experiment`, its JSON, and the model that it describes."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, cast, get_args, overload

import torch

from iai.baselines import learned
from iai.baselines.learned import LearnedBaseline, LearnedBaselineConfig
from iai.evaluation import EvaluationConfig
from iai.fields import Seed, Size, checked, config
from iai.losses import LOSSES
from iai.model import (
    Amortizer,
    Decoder,
    Parameters,
    Predictions,
    Refiner,
    RefinerConfig,
    Relations,
    RelationsConfig,
    Signal,
    Space,
)
from iai.tasks import CausalOrder, Features, Gravity, Images, Letters, LinearRegression, Mixture, Reused
from iai.training import EndToEnd, Greedy, RandomStep, StepObjective, TrainConfig, Unrolled, checkpoint, pick_device
from iai.types import KnownTask, Task, UserError

RegimeName = Literal["parametric", "explicit", "implicit"]


@config
class Experiment:
    """One amortizer, the tasks that train it and the tasks that evaluate it; `replace` a field to make a variant."""

    regime: RegimeName
    objective: StepObjective
    evaluation_sets: dict[str, Any]
    evaluation: EvaluationConfig
    signal: Signal = Signal()
    theta: Literal["one", "class"] = "class"
    """theta as one token, or one token a class where the task's own theta has a slot a class."""
    latent: Size = 32
    """Width of the explicit latent of one output, and of the implicit one if `space` is "latent"."""
    space: Space = "logits"
    refiner: RefinerConfig = RefinerConfig()
    train: TrainConfig = TrainConfig()

    @property
    def task(self) -> Task:
        """The distribution over tasks in training."""
        return self.objective.task


@config
class BaselineExperiment:
    """One learned baseline, the tasks that train it and the tasks that evaluate it."""

    json_type: ClassVar[str] = "Contest"

    learner: LearnedBaselineConfig
    objective: EndToEnd
    evaluation_sets: dict[str, Any]
    evaluation: EvaluationConfig
    train: TrainConfig = TrainConfig()

    @property
    def task(self) -> Task:
        """The distribution over tasks in training."""
        return self.objective.task


def json_type(kind: type) -> str:
    """The name of a config in JSON: its `json_type`, which old records have, or the name of its class."""
    return str(getattr(kind, "json_type", kind.__name__))


TASKS = (CausalOrder, Features, Gravity, Images, Letters, LinearRegression, Mixture, Reused)
OBJECTIVES = (EndToEnd, Greedy, RandomStep, Unrolled)
SETTINGS = (EvaluationConfig, RefinerConfig, RelationsConfig, Signal, TrainConfig, *get_args(LearnedBaselineConfig))
TYPES: dict[str, type] = {
    json_type(kind): kind for kind in (Experiment, BaselineExperiment, *TASKS, *OBJECTIVES, *SETTINGS)
}
"""The configs that a JSON file may name."""


def to_json(value: Any) -> Any:
    """A config as plain data: a dataclass becomes its `type` and its fields, as `fields.recorded` names them."""
    if is_dataclass(value):
        return {"type": json_type(type(value))} | {
            f.metadata.get("name") or f.name: to_json(getattr(value, f.name))
            for f in fields(value)
            if not (f.metadata.get("omitted") and getattr(value, f.name) == f.default)
        }
    if isinstance(value, dict):
        return {name: to_json(entry) for name, entry in value.items()}
    return [to_json(entry) for entry in value] if isinstance(value, tuple | list) else value


def from_json(value: Any) -> Any:
    """The config that `to_json` wrote; a type or field that is not known is a `UserError`."""
    if isinstance(value, list):
        return tuple(from_json(entry) for entry in value)
    if not isinstance(value, dict):
        return value
    entries = {name: from_json(entry) for name, entry in value.items() if name != "type"}
    if "type" not in value:
        return entries
    if value["type"] not in TYPES:
        name, known = value["type"], ", ".join(sorted(TYPES))
        raise UserError(
            f"malformed config: no type {name!r}; there are {known}; yours? experiment.TYPES[{name!r}] = {name}"
        )
    kind = TYPES[value["type"]]
    names = {f.metadata.get("name") or f.name: f.name for f in fields(kind)}
    try:
        return kind(**{names[name]: entry for name, entry in entries.items()})
    except (TypeError, KeyError) as error:
        raise UserError(f"malformed config of {value['type']}: {error}") from error


@overload
def build(experiment: Experiment, seed: int = ..., device: torch.device | str = ...) -> Amortizer: ...
@overload
def build(experiment: BaselineExperiment, seed: int = ..., device: torch.device | str = ...) -> LearnedBaseline: ...
def build(
    experiment: Experiment | BaselineExperiment, seed: int = 0, device: torch.device | str = "cpu"
) -> Amortizer | LearnedBaseline:
    """The untrained model of an experiment; its weights are a function of the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(checked("seed", seed, Seed))
        if isinstance(experiment, BaselineExperiment):
            return learned.make(experiment.learner, experiment.task).to(device)
        make: dict[str, Callable[[Experiment], Parameters | Predictions]]
        make = {"parametric": parametric, "explicit": explicit, "implicit": implicit}
        regime, config = make[experiment.regime](experiment), experiment.refiner
        if isinstance(regime, Predictions) and regime.space == "softmax":
            config = replace(config, update="simplex")  # so that probabilities stay probabilities
        shapes = regime.interface(experiment.task)
        refiner = Relations(config, shapes) if isinstance(config, RelationsConfig) else Refiner(config, shapes)
        return Amortizer(regime, refiner).to(device)


def parametric(experiment: Experiment) -> Parameters:
    """The regime whose state is theta of the known likelihood; `UserError` for a task without one."""
    task = experiment.task
    if not hasattr(task, "decode"):
        raise UserError(f"{type(task).__name__} has no known decode: choose the explicit or the implicit regime")
    task = cast(KnownTask, task)
    slots, width = task.theta_shape
    if experiment.theta == "one" or slots != task.dy:
        slots, width = 1, slots * width
    return Parameters(task.decode, LOSSES[task.loss], (slots, width), experiment.signal, classes=slots > 1)


def explicit(experiment: Experiment) -> Parameters:
    """The regime whose state is a latent code for each output, with a learned likelihood."""
    task, latent = experiment.task, experiment.latent
    slots, width = (task.dy, latent) if experiment.theta == "class" else (1, task.dy * latent)
    decode = Decoder(task.dx, task.dy, latent)
    return Parameters(decode, LOSSES[task.loss], (slots, width), experiment.signal, classes=slots > 1)


def implicit(experiment: Experiment) -> Predictions:
    """The regime whose state is the prediction at each query; `UserError` for a space or signal that it cannot have."""
    task, space = experiment.task, experiment.space
    if space == "softmax" and task.loss != "cross_entropy":
        raise UserError(f"space 'softmax' needs classes, and {type(task).__name__} has none: choose 'logits'")
    if not experiment.signal.data:
        raise UserError("the implicit regime has no parameters, so no gradients: choose Signal(kind='data')")
    alike = isinstance(experiment.refiner, RelationsConfig)
    return Predictions(task.dy, space, experiment.latent, experiment.signal.history, alike)


def load(path: Path | str, device: torch.device | str = "cpu") -> Amortizer | LearnedBaseline:
    """The trained model of a checkpoint, ready for `model(batches, x)`."""
    where = pick_device(str(device))
    tensors, metadata = checkpoint.read(Path(path), where)
    if "config" not in metadata:
        raise UserError(f"{path} does not say what was trained: train with `iai.study.jobs.run.fit`, which writes that")
    if not isinstance(chosen := from_json(metadata["config"]), Experiment | BaselineExperiment):
        raise UserError(f"{path} has a config that is no experiment: train it again")
    amortizer = build(chosen, 0, where)
    try:
        amortizer.load_state_dict(checkpoint.under("model.", tensors))
    except RuntimeError as error:
        raise UserError(
            f"{path} has other weights than this iai gives its config: train it again, or load it with the iai"
            f" of commit {metadata.get('commit')}"
        ) from error
    return amortizer.eval()
