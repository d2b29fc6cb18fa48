"""What a run is, as plain data: `Experiment`, its JSON, and the amortizer that it describes."""

from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, cast, get_args, overload

import torch

from iai.baselines import learned as rivals
from iai.baselines.learned import EndToEnd, LearnedBaseline, LearnedBaselineConfig
from iai.evaluation.evaluate import EvaluationConfig
from iai.losses import LOSSES
from iai.model.amortizer import Amortizer
from iai.model.refiner import Anchor, Interface, Refiner, RefinerConfig
from iai.model.regimes import Decoder, Parameters, Predictions, Signal, Space
from iai.model.relations import Relations, RelationsConfig
from iai.tasks import (
    CausalOrder,
    Features,
    Gravity,
    Images,
    Letters,
    LinearRegression,
    Mixture,
    Reused,
)
from iai.training import checkpoint
from iai.training.loop import TrainConfig, pick_device
from iai.training.objectives import Greedy, RandomStep, StepObjective, Unrolled
from iai.types import KnownTask, Task, UserError

RegimeName = Literal["parametric", "explicit", "implicit"]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One amortizer, the tasks that train it and the tasks that judge it; `replace` a field to make a variant."""

    regime: RegimeName
    objective: StepObjective
    evaluation_sets: dict[str, Any]
    evaluation: EvaluationConfig
    signal: Signal = Signal()  # noqa: RUF009 (frozen)
    theta: Literal["one", "class"] = "class"
    """theta as one token, or one token a class where the task's own theta has a slot a class."""
    latent: int = 32
    """Width of the explicit latent of one output, and of the implicit one if `space` is "latent"."""
    space: Space = "logits"
    refiner: RefinerConfig = RefinerConfig()  # noqa: RUF009
    train: TrainConfig = TrainConfig()  # noqa: RUF009

    @property
    def task(self) -> Task:
        """The distribution over tasks that trains."""
        return self.objective.task

    @property
    def model(self) -> str:
        """What is trained, in words."""
        return f"width {self.refiner.width}"


@dataclass(frozen=True, kw_only=True)
class BaselineExperiment:
    """One learned baseline, the tasks that train it and the tasks that judge it."""

    json_type: ClassVar[str] = "Contest"

    learner: LearnedBaselineConfig
    objective: EndToEnd
    evaluation_sets: dict[str, Any]
    evaluation: EvaluationConfig
    train: TrainConfig = TrainConfig()  # noqa: RUF009

    @property
    def task(self) -> Task:
        """The distribution over tasks that trains."""
        return self.objective.task

    @property
    def model(self) -> str:
        """What is trained, in words."""
        return str(self.learner)


def json_type(kind: type) -> str:
    """The name of a config in JSON: that of its class, unless records know it by another."""
    return str(getattr(kind, "json_type", kind.__name__))


TYPES: dict[str, type] = {
    json_type(cls): cls
    for cls in (
        *get_args(LearnedBaselineConfig),
        CausalOrder,
        BaselineExperiment,
        EvaluationConfig,
        Experiment,
        Features,
        Gravity,
        Greedy,
        RelationsConfig,
        Images,
        Letters,
        LinearRegression,
        Mixture,
        RandomStep,
        RefinerConfig,
        Reused,
        Signal,
        TrainConfig,
        Unrolled,
        EndToEnd,
    )
}
"""The configs that a JSON file may name."""


def to_json(value: Any) -> Any:
    """A config as plain data: a dataclass becomes its `type` and its fields, as `types.recorded` names them."""
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
    """The untrained amortizer of an experiment, or rival of a contest, its weights a function of the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        if isinstance(experiment, BaselineExperiment):
            return rivals.make(experiment.learner, experiment.task).to(device)
        return _regime_and_refiner(experiment).to(device)


def _regime_and_refiner(experiment: Experiment) -> Amortizer:
    """Hand the task's shapes, scales and known likelihood to the regime and the refiner."""
    task, signal = experiment.task, experiment.signal
    scales: dict[str, Any] = {name: getattr(task, name, 1.0) for name in ("x_scale", "y_scale")}
    if experiment.regime == "implicit":
        if experiment.space == "softmax" and task.loss != "cross_entropy":
            raise UserError(f"space 'softmax' needs classes, and {type(task).__name__} has none: choose 'logits'")
        if not signal.data:
            raise UserError("the implicit regime has no parameters, so no gradients: choose Signal(kind='data')")
        if experiment.space == "softmax":  # probabilities start out uniform
            scales["slot_scale"] = 1 / task.dy
        alike = isinstance(experiment.refiner, RelationsConfig)
        predictions = Predictions(task.dy, experiment.space, experiment.latent, signal.history, alike)
        past = predictions.width if signal.history else 0
        interface = Interface(
            dx=task.dx, dy=task.dy, slot=predictions.width, past=past, anchor="x", independent=True, **scales
        )
        return Amortizer(predictions, _refiner(_with_update(experiment), interface))
    if experiment.refiner.mask == "causal" and signal.gradients and signal.tokens == "mean":
        raise UserError("the mean gradient shows every context the whole batch: with a causal mask, tokens='running'")
    parameters = parametric(experiment) if experiment.regime == "parametric" else explicit(experiment)
    width = parameters.width
    past = width * (1 + signal.gradients) if signal.history else 0
    anchor: Anchor = "y" if parameters.anchor.shape[1] else "none"
    scales["running"] = signal.tokens == "running"
    interface = Interface(dx=task.dx, dy=task.dy, slot=width, past=past, anchor=anchor, **scales)
    return Amortizer(parameters, _refiner(experiment.refiner, interface))


def _refiner(config: RefinerConfig, interface: Interface) -> Refiner | Relations:
    """The refiner that a config describes."""
    return Relations(config, interface) if isinstance(config, RelationsConfig) else Refiner(config, interface)


def parametric(experiment: Experiment) -> Parameters:
    """theta of the task's known likelihood as the state; a task without one is a `UserError`."""
    task = experiment.task
    if not hasattr(task, "decode"):
        raise UserError(f"{type(task).__name__} has no known decode: choose the explicit or the implicit regime")
    task = cast(KnownTask, task)
    slots, width = task.theta_shape
    if experiment.theta == "one" or slots != task.dy:
        slots, width = 1, slots * width
    return Parameters(task.decode, LOSSES[task.loss], (slots, width), experiment.signal, classes=slots > 1)


def explicit(experiment: Experiment) -> Parameters:
    """A latent code for each output as the state, and a learned likelihood of them."""
    task = experiment.task
    slots, width = (task.dy, experiment.latent) if experiment.theta == "class" else (1, task.dy * experiment.latent)
    decoder = Decoder(task.dx, task.dy, experiment.latent)
    return Parameters(decoder, LOSSES[task.loss], (slots, width), experiment.signal, classes=slots > 1)


def _with_update(experiment: Experiment) -> RefinerConfig:
    """Probabilities stay probabilities: their update is multiplicative."""
    return replace(experiment.refiner, update="simplex") if experiment.space == "softmax" else experiment.refiner


def load(path: Path | str, device: torch.device | str = "cpu") -> Amortizer | LearnedBaseline:
    """The trained model of a checkpoint, ready for `model(batches, x)`."""
    where = pick_device(str(device))
    tensors, metadata = checkpoint.read(Path(path), where)
    if "config" not in metadata:
        raise UserError(f"{path} does not say what was trained: train with `experiments.fit`, which writes that")
    amortizer = build(from_json(metadata["config"]), 0, where)
    weights = {name[6:]: value for name, value in tensors.items() if name.startswith("model.")}
    try:
        amortizer.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            f"{path} has other weights than this iai gives its config: train it again, or load it with the iai"
            f" of commit {metadata.get('commit')}"
        ) from error
    return amortizer.eval()
