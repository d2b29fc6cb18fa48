"""Configs of runs as plain data: `Experiment`, its JSON, and the model that it describes."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, cast, get_args, overload

import torch
from torch import Tensor, nn

from iai.baselines import learned
from iai.baselines.learned import LearnedBaseline, LearnedBaselineConfig
from iai.evaluation import EvaluationConfig
from iai.fields import Count, Seed, Size, checked, config, recorded
from iai.model import Amortizer, Refiner, RefinerConfig, Relations, RelationsConfig
from iai.model.refiner import Anchor
from iai.model.regimes import Decoder, Parameters, Predictions, Signal, Space
from iai.tasks import TASKS, Features, Images, Letters, Relabelled, Stored, Wrapper
from iai.training import EndToEnd, Greedy, RandomStep, StepObjective, TrainConfig, Unrolled, checkpoint, pick_device
from iai.types import Batch, Decode, Task, UserError

Device = torch.device | str
RegimeName = Literal["parametric", "explicit", "implicit"]


@config
class Experiment:
    """One amortizer, the tasks that train it and the tasks that evaluate it; `replace` a field to make a variant."""

    regime: RegimeName
    objective: StepObjective
    evaluation_sets: dict[str, Any]
    evaluation: EvaluationConfig
    signal: Signal = Signal()
    theta: Literal["one", "class", "coordinate", "component"] = "class"
    """theta as one token, one a class where the task's own theta has a slot a class, for a linear likelihood one a
    coordinate of x and one for the bias, or one a slot of a task that says what each is about (`slot_inputs`)."""
    latent: Size = 32
    """Width of the explicit latent of one output, and of the implicit one if `space` is "latent"."""
    space: Space = "logits"
    memory: Count = recorded(default=0, omitted=True)
    """Numbers beside each one of theta that a step may write and no prediction reads (parametric and explicit)."""
    theta_shape: tuple[Size, Size] | None = recorded(default=None, omitted=True)
    """Slots and width of theta for a `decode` that the parametric regime is built with; else they are the task's."""
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


DECLARED = ("seen-", "train-")
"""How the name of an evaluation set begins whose examples or laws are those of the training on purpose."""


def check_apart(experiment: Experiment | BaselineExperiment) -> None:
    """`UserError` where the training has the tasks of an evaluation set whose name does not begin as `DECLARED`.

    Tasks drawn from a continuous law are apart by their seeds: `EvaluationConfig.seed` is none of a training's.
    """
    for name, task in experiment.evaluation_sets.items():
        if not name.startswith(DECLARED) and (shared := overlap(experiment.task, task)):
            raise UserError(
                f"evaluation set {name!r} has {shared} that train: give it others, or call it 'seen-{name}'"
            )


def overlap(one: Any, other: Any) -> Literal["", "laws", "examples"]:
    """What tasks of two distributions may share: one of finitely many laws, or examples of real data.

    A packaged sample is a part of the full data set, and its validation examples are training ones there.
    """
    one, other = (task.task if isinstance(task, Wrapper) else task for task in (one, other))
    if type(one) is not type(other) or not isinstance(one, Images | Features | Letters):
        return ""
    if getattr(one, "distinct_laws", None) and other.distinct_laws:
        return "laws"
    split, source, dataset, classes = (
        {getattr(task, name, None) for task in (one, other)} for name in ("split", "source", "dataset", "classes")
    )
    same_part = len(split) == 1 or (len(source) > 1 and "test" not in split)
    return "examples" if same_part and len(dataset) == 1 and (len(classes) == 1 or "all" in classes) else ""


def json_type(kind: type) -> str:
    """The name of a config in JSON: its `json_type`, which old records have, or the name of its class."""
    return str(getattr(kind, "json_type", kind.__name__))


OBJECTIVES = (EndToEnd, Greedy, RandomStep, Unrolled)
SETTINGS = (EvaluationConfig, RefinerConfig, RelationsConfig, Signal, TrainConfig, *get_args(LearnedBaselineConfig))
TYPES: dict[str, type] = {
    json_type(kind): kind for kind in (Experiment, BaselineExperiment, *TASKS, *OBJECTIVES, *SETTINGS)
}
"""The configs that a JSON file may name."""


def to_json(value: Any) -> Any:
    """A config as plain data: a dataclass becomes its `type` and its fields, as `fields.recorded` names them.

    A task that is not listed in `TYPES` is `Stored`.
    """
    if hasattr(value, "sample") and type(value) not in TYPES.values():
        value = Stored.of(value)
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
def build(experiment: Experiment, seed: int = ..., device: Device = ..., decode: Decode | None = ...) -> Amortizer: ...
@overload
def build(experiment: BaselineExperiment, seed: int = ..., device: Device = ...) -> LearnedBaseline: ...
def build(
    experiment: Experiment | BaselineExperiment, seed: int = 0, device: Device = "cpu", decode: Decode | None = None
) -> Amortizer | LearnedBaseline:
    """The untrained model of an experiment; its weights are a function of the seed alone.

    `decode(x, theta)` is a likelihood of your own, `n dx` to `n dy`: a module in the explicit regime, where theta is
    `dy latent`, and a function in the parametric one, where it is `theta_shape`; `UserError` if it is not.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(checked("seed", seed, Seed))
        if isinstance(experiment, BaselineExperiment):
            return learned.make(experiment.learner, experiment.task).to(device)
        model = _amortizer(experiment, decode).to(device)
    own = experiment.regime == "parametric" and not isinstance(experiment.task, TASKS)
    if own or decode is not None:
        _try_out(model, experiment)
    return model


def _try_out(model: Amortizer, experiment: Experiment) -> None:
    """One step with a likelihood of the user's, or of a task of the user's; `UserError` where it fails."""
    x, y = (torch.zeros(1, 2, d).to(model.regime.initial) for d in (experiment.task.dx, experiment.task.dy))
    try:
        if (found := model([], x).shape) != y.shape:
            raise ValueError(f"it makes {tuple(found[1:])}")
        model([Batch(x, y)], x)
    except Exception as error:
        reason, wanted = str(error).splitlines()[0], f"x (2, {x.shape[2]}) and theta to (2, {y.shape[2]})"
        raise UserError(f"decode must map {wanted}, task by task: {reason}") from error


def _amortizer(experiment: Experiment, decode: Decode | None) -> Amortizer:
    """The regime of an experiment, and a refiner for the state of that regime."""
    if decode and (experiment.regime, isinstance(decode, nn.Module)) not in (("explicit", True), ("parametric", False)):
        raise UserError("decode is a module in the explicit regime, a function in the parametric one, and in no other")
    make: dict[str, Callable[[Experiment], Parameters | Predictions]]
    make = {"parametric": partial(parametric, decode=decode), "explicit": partial(explicit, decode=decode)}
    regime, config = (make | {"implicit": implicit})[experiment.regime](experiment), experiment.refiner
    if isinstance(regime, Predictions) and regime.space == "softmax":
        config = replace(config, update="simplex")  # so that probabilities stay probabilities
    shapes = regime.interface(experiment.task)
    refiner = Relations(config, shapes) if isinstance(config, RelationsConfig) else Refiner(config, shapes)
    return Amortizer(regime, refiner)


def parametric(experiment: Experiment, decode: Decode | None = None) -> Parameters:
    """The regime whose state is theta of the known likelihood; `UserError` for a task without one."""
    task = experiment.task
    known = decode or getattr(task, "decode", None)
    shape = (decode and experiment.theta_shape) or getattr(task, "theta_shape", None)
    if not (known and shape):
        stored = "give its decode= or its task=, or " * isinstance(task, Stored)
        raise UserError(
            f"{type(task).__name__} lacks decode or theta_shape: {stored}take the explicit or the implicit regime"
        )
    slots, width = shape
    if experiment.theta == "coordinate":
        _check_linear(known, shape, task.dx)
        by_coordinate = partial(in_shape, known, tuple(shape), transposed=True)
        basis = task.dx**0.5 * torch.eye(width, task.dx)  # the bias is about the input 0
        return _parameters(experiment, by_coordinate, (width, slots), "x", basis)
    if experiment.theta == "component":
        if decode or not hasattr(task, "slot_inputs"):
            raise UserError("theta='component' is for a task that has slot_inputs, with its own decode: choose 'one'")
        return _parameters(experiment, known, (slots, width), "x", task.slot_inputs)
    whole = partial(in_shape, known, tuple(shape))  # a closure has no pickle
    if experiment.theta == "one" or slots != task.dy:
        return _parameters(experiment, whole, (1, slots * width))
    return _parameters(experiment, whole, (slots, width), "y" if slots > 1 else "none")


def in_shape(decode: Decode, shape: tuple[int, int], x: Tensor, theta: Tensor, transposed: bool = False) -> Tensor:
    """decode(x, theta), with theta in the shape that it was written for."""
    return decode(x, (theta.mT if transposed else theta).reshape(shape))


def _check_linear(decode: Decode, shape: tuple[int, int], dx: int) -> None:
    """`UserError` unless a row of theta has one number a coordinate of x, then perhaps a bias, and decode is linear."""
    theta = torch.arange(1.0, 1 + shape[0] * shape[1]).sin().reshape(shape)
    at_zero = decode(torch.zeros(1, dx), theta) if shape[1] in (dx, dx + 1) else theta
    if at_zero.shape == (1, shape[0]):
        at_basis = decode(torch.eye(dx), theta)
        bias = theta[:, dx:].T if shape[1] > dx else 0 * at_zero
        if torch.allclose(at_basis - at_zero, theta[:, :dx].T, atol=1e-5) and torch.allclose(at_zero, bias, atol=1e-5):
            return
    raise UserError("theta='coordinate' is for a linear likelihood, whose theta has a slot an output: choose 'one'")


def explicit(experiment: Experiment, decode: Decode | None = None) -> Parameters:
    """The regime whose state is a latent code for each output, with a learned likelihood."""
    task, latent = experiment.task, experiment.latent
    likelihood = decode or Decoder(task.dx, task.dy, latent)
    if experiment.theta == "class" and task.dy > 1:
        return _parameters(experiment, likelihood, (task.dy, latent), "y")
    return _parameters(experiment, likelihood, (1, task.dy * latent))


def _parameters(
    experiment: Experiment,
    decode: Decode,
    shape: tuple[int, int],
    anchor: Anchor = "none",
    inputs: Tensor | None = None,
) -> Parameters:
    """The regime of a likelihood."""
    loss, signal, memory = experiment.task.loss, experiment.signal, experiment.memory
    return Parameters(decode, loss, shape, signal, anchor, inputs, memory)


def implicit(experiment: Experiment) -> Predictions:
    """The regime whose state is the prediction at each query; `UserError` for a space or signal that it cannot have."""
    task, space = experiment.task, experiment.space
    if space == "softmax" and task.loss != "cross_entropy":
        raise UserError(f"space 'softmax' needs classes, and {type(task).__name__} has none: choose 'logits'")
    if experiment.signal.residual or not experiment.signal.data:
        raise UserError(
            "the implicit regime has no parameters, so no gradients or residuals: choose Signal(kind='data')"
        )
    alike = isinstance(experiment.refiner, RelationsConfig)
    if experiment.memory:
        raise UserError("the implicit regime has no theta to remember something beside: choose memory=0")
    return Predictions(task.dy, space, experiment.latent, experiment.signal.history, alike)


def load(path: Path | str, device: Device = "cpu") -> Amortizer | LearnedBaseline:
    """The trained model of a checkpoint, ready for `model(batches, x)`."""
    return restore(path, str(device))[1]


def restore(
    path: Path | str, device: str | None = None, decode: Decode | None = None, task: Any = None
) -> tuple[Any, Any, dict[str, Any]]:
    """The experiment of a checkpoint, its trained model with the `decode` that it was built with, and its metadata.

    A `task` takes the place of what JSON has of it; `UserError` if its sizes or its loss are others.
    """
    where = pick_device(device)
    tensors, metadata = checkpoint.read(Path(path), where)
    if "config" not in metadata:
        raise UserError(f"{path} does not say what was trained: train with `iai.study.jobs.run.fit`, which writes that")
    experiment: Any = from_json(metadata["config"])
    if not isinstance(experiment, Experiment | BaselineExperiment):
        raise UserError(f"{path} has a config that is no experiment: train it again")
    if task is not None:
        kept = experiment.task
        for name in ("dx", "dy", "loss"):
            if getattr(task, name, None) != getattr(kept, name):
                raise UserError(f"{path} is of tasks with {name} = {getattr(kept, name)!r}: give such a task")
        task = replace(kept, task=task) if isinstance(kept, Relabelled) else task
        experiment = replace(experiment, objective=cast(Any, replace(experiment.objective, task=task)))
    model = build(cast(Experiment, experiment), 0, where, decode)
    try:
        model.load_state_dict(checkpoint.under("model.", tensors))
    except RuntimeError as error:
        raise UserError(
            f"{path} has other weights than this iai gives its config: give its decode, if that is your own; else train"
            f" it again, or load it with the iai of commit {metadata.get('commit')}"
        ) from error
    return experiment, model.eval(), metadata
