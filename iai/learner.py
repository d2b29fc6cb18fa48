"""`Learner`: an amortizer with the habits of scikit-learn.

`pretrain` learns once, from a distribution over tasks; `fit`, `partial_fit` and `predict` then adapt to one new task in
a few forward passes, and change no weight. All is computed in single precision, on the scale of the data given.
"""

import copy
from dataclasses import fields, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags, Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, validate_data
from torch import Tensor

from iai.evaluation import EvaluationConfig
from iai.experiment import Experiment, build, restore, to_json
from iai.fields import Size, checked
from iai.model import Amortizer, Parameters, RefinerConfig, Signal
from iai.tasks import Relabelled, Stored
from iai.training import Greedy, TrainConfig, checkpoint, pick_device, train
from iai.types import Batch, Decode, UserError

SIGNAL, REFINER = Signal(), RefinerConfig(width=32, depth=2, feedforward=64)
ROWS = 1024  # predicted at once: the memory of implicit ones grows with the square of their number


class Learner(BaseEstimator):
    """Classification or regression, as the loss of `task` says, by an amortizer that was pretrained on such tasks.

    `regime`, `signal`, `refiner` and `latent` are those of `Experiment`, `decode` and `theta_shape` those of `build`.
    Labels are names: pretraining numbers the classes of each task at random, unless the regime is parametric or
    `relabel` is False. Then integer labels below dy say which output of the model they are, and others take them in
    order. A clone, as of cross-validation, keeps what was pretrained.
    """

    columns_: dict[Any, int]
    experiment_: Experiment
    seen_: Any

    def __init__(
        self,
        task: Any,
        regime: str = "implicit",
        batch_size: int = 10,
        signal: Signal = SIGNAL,
        refiner: RefinerConfig = REFINER,
        latent: int = 32,
        relabel: bool = True,
        decode: Decode | None = None,
        theta_shape: tuple[int, int] | None = None,
        device: str | None = None,
    ):
        self.task, self.regime, self.batch_size, self.signal, self.refiner = task, regime, batch_size, signal, refiner
        self.latent, self.relabel, self.decode, self.theta_shape = latent, relabel, decode, theta_shape
        self.device = device

    def pretrain(
        self, updates: int = 1000, seed: int = 0, resume: bool = False, show: bool = True, log: Any = None, **more: Any
    ) -> "Learner":
        """Train afresh on 40 `tasks` at a time, of 5 `steps` with `batch_size` `points`, and 20 `queries`.

        `more` are fields of `Greedy`, as these, and of `TrainConfig`, as `lr`. With `resume`, go on from what was
        pretrained: take another seed then. `log(update, loss)` hears every loss.
        """
        task = self.task.made() if isinstance(self.task, Stored) else self.task
        known = not isinstance(task, type) and all(hasattr(task, name) for name in ("dx", "dy", "loss", "sample"))
        if not known or task.loss == "edge_cross_entropy":
            raise UserError(f"{task!r} draws no rows: give an object with dx, dy, loss and sample (iai.types.Task)")
        pool, loop = ({field.name for field in fields(kind)} & more.keys() for kind in (Greedy, TrainConfig))
        if wrong := more.keys() - pool - loop:
            raise UserError(f"pretrain has no setting {', '.join(wrong)}: it has those of Greedy and of TrainConfig")
        how: Any = {"tasks": 40, "steps": 5, "points": self.batch_size, "queries": 20, "lr": 3e-3} | more
        config = TrainConfig(updates=updates, **{name: how.pop(name) for name in {"lr", *loop}})
        plan: Any = {"train": config, "objective": Greedy(task=self._asked(task), **how)}
        if resume:
            start, chosen = self.pretrained(), replace(self.experiment_, **plan)
        else:
            chosen = Experiment(evaluation_sets={}, evaluation=EvaluationConfig(), **plan, **self._design())
            start = build(chosen, seed, pick_device(self.device), self.decode)
        model = copy.deepcopy(start).train()  # a decode is the user's
        train(model, chosen.objective, config, seed=seed, show=show, log=log)
        self.task, self.experiment_, self.amortizer_, self.decode_ = task, chosen, model.eval(), self.decode
        return self._forget()

    def fit(self, X: Any, y: Any) -> "Learner":
        """Forget all data, and take one step for each mini-batch of `batch_size` rows, in their order."""
        return self._forget().partial_fit(X, y)

    def partial_fit(self, X: Any, y: Any, classes: Any = ()) -> "Learner":
        """One step more: rows `n dx`, targets `n` or `n dy`; `classes` may name labels before they come."""
        model, first, several = self.pretrained(), not self.__sklearn_is_fitted__(), not self._classifies()
        size = checked("batch_size", self.batch_size, Size)
        X, y = array(X), array(y)
        X, y = validate_data(self, X, y, reset=first, dtype=np.float32, order="C", multi_output=several)
        if X.shape[1] != self.task.dx:
            raise UserError(f"X has {X.shape[1]} features, and the tasks of pretraining have {self.task.dx}")
        x, t = (tensor(rows, model).split(size, dim=1) for rows in (X, self._targets(y, classes, first)))
        batches = [Batch(*part) for part in zip(x, t)]
        if isinstance(model.regime, Parameters):
            with torch.no_grad():
                self.seen_ = reduce(model.step, batches, model.regime.init(x[0]) if first else self.seen_)
        else:  # a state is that of queries, which come later
            self.seen_ = batches if first else [*self.seen_, *batches]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Labels `n`, or numbers `n` or `n dy`, as the targets were."""
        y = self._outputs(X)
        if self._classifies():
            return self.classes_[y.argmax(1)]
        return y[:, 0] if self.flat_ else y

    @available_if(lambda self: self._classifies())
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities `n classes` of `classes_`, whose sum is 1."""
        return softmax(self._outputs(X), axis=1)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy, or R^2."""
        metric = accuracy_score if self._classifies() else r2_score
        return metric(np.asarray(array(y)), self.predict(X), sample_weight=sample_weight)

    def __call__(self, batches: Any, x: Tensor) -> Tensor:
        """f(x, g(batches)) for several tasks, without `fit`."""
        return self.pretrained()(batches, x)

    def save(self, path: Path | str) -> Path:
        """Write what was pretrained, as safetensors with JSON; data that `fit` saw are not written."""
        tensors = {f"model.{name}": value for name, value in self.pretrained().state_dict().items()}
        beside = {"config": to_json(self.experiment_), "batch_size": checked("batch_size", self.batch_size, Size)}
        return checkpoint.write(Path(path).expanduser(), tensors, beside)

    @classmethod
    def load(cls, path: Path | str, task: Any = None, decode: Decode | None = None, device: Any = None) -> "Learner":
        """What `save` wrote, or the training of an `Experiment`, ready for `fit`; with its `decode`, if it had its own.

        A task of your own is `Stored`, if it is not given.
        """
        one, model, beside = restore(Path(path).expanduser(), device, copy.deepcopy(decode), task)
        if not isinstance(model, Amortizer):
            raise UserError(f"{path} is of a baseline, and no amortizer: iai.load(path)")
        inner = one.task.task if isinstance(one.task, Relabelled) else one.task
        size = beside.get("batch_size", one.objective.points)
        learner = cls(inner, one.regime, size, one.signal, one.refiner, one.latent)
        learner.decode, learner.theta_shape, learner.device = decode, one.theta_shape, device
        learner.relabel = one.task == learner._asked(inner)
        learner.experiment_, learner.amortizer_, learner.decode_ = one, model, decode
        return learner

    def _asked(self, task: Any) -> Any:
        """The task that is trained on: under new labels, where these are names."""
        names = task.loss == "cross_entropy" and self.relabel and self.regime != "parametric"
        return Relabelled(task=task) if names else task

    def _design(self) -> dict[str, Any]:
        """The settings of the experiment that pretraining is."""
        return {name: getattr(self, name) for name in ("regime", "signal", "refiner", "latent", "theta_shape")}

    def pretrained(self) -> Amortizer:
        """The amortizer, on `device`; `NotFittedError` without one, or if settings that it depends on have changed."""
        check_is_fitted(self, "amortizer_", msg="this Learner is not pretrained: pretrain(), or Learner.load(path)")
        made = self.experiment_
        same = self._asked(self.task) == made.task and self.decode is self.decode_
        if not same or made != replace(made, **self._design()):
            raise NotFittedError("settings changed since this Learner was pretrained: set them back, or pretrain again")
        return self.amortizer_.to(pick_device(self.device))

    def _forget(self) -> "Learner":
        """Drop all that data have set."""
        for name in ("n_features_in_", "feature_names_in_", "classes_", "columns_", "flat_", "seen_"):
            self.__dict__.pop(name, None)
        return self

    def _classifies(self) -> bool:
        return getattr(self.task, "loss", None) == "cross_entropy"

    def _targets(self, y: np.ndarray, classes: Any, first: bool) -> np.ndarray:
        """Targets as a task has them, `n dy`: numbers, or one-hot classes."""
        dy = self.task.dy
        if self._classifies():
            try:
                check_classification_targets(y)
                labels = [*np.asarray(classes).tolist(), *np.unique(y).tolist()]
                found = columns({} if first else self.columns_, labels, dy)
                self.classes_, self.columns_ = np.array(sorted(found)), found
            except TypeError as error:
                raise UserError(f"y has labels of several kinds, or missing ones: {error}") from error
            return np.eye(dy)[[self.columns_[label] for label in y.tolist()]]
        y = check_array(y, ensure_2d=False, dtype=np.float32, input_name="y")
        self.flat_, y = y.ndim == 1, y.reshape(len(y), -1)
        if y.shape[1] != dy:
            raise UserError(f"y has {y.shape[1]} outputs, and the tasks of pretraining have {dy}")
        return y

    def _outputs(self, X: Any) -> np.ndarray:
        """Predictions `n dy`, or logits `n classes` of `classes_`."""
        model = self.pretrained()
        check_is_fitted(self, msg="this Learner is not fitted: call fit(X, y) before it predicts")
        X = validate_data(self, array(X), reset=False, dtype=np.float32, order="C", ensure_min_samples=0)
        x, seen = tensor(X, model), self.seen_
        found = [x.new_zeros(1, 0, self.task.dy)]
        with torch.no_grad():
            for rows in x.split(ROWS, dim=1) if len(X) else ():
                found.append(model(seen, rows) if isinstance(seen, list) else model.f(rows, seen))
        y = torch.cat(found, dim=1)[0].double().cpu().numpy()
        if not np.isfinite(y).all():
            raise UserError("predictions are not finite: give X and y on the scale of the tasks of pretraining")
        return y[:, [self.columns_[label] for label in self.classes_.tolist()]] if self._classifies() else y

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "seen_")

    def __sklearn_clone__(self) -> "Learner":
        return copy.copy(self)._forget()

    def __sklearn_tags__(self) -> Tags:
        tags, classifies = super().__sklearn_tags__(), self._classifies()
        tags.estimator_type = "classifier" if classifies else "regressor"
        tags.classifier_tags = ClassifierTags() if classifies else None
        tags.regressor_tags = None if classifies else RegressorTags()
        tags.target_tags.required, tags.target_tags.multi_output = True, not classifies
        return tags


def array(values: Any) -> Any:
    """A tensor as an array of NumPy, whatever its graph, device and precision; anything else as it is."""
    if not isinstance(values, Tensor):
        return values
    values = values.detach().cpu()
    return values.float().numpy() if values.dtype == torch.bfloat16 else values.numpy()


def tensor(rows: np.ndarray, model: Amortizer) -> Tensor:
    """Rows as those of one task, `1 n d`, where the weights of a model are."""
    return torch.tensor(rows)[None].to(next(model.parameters()))


def columns(known: dict[Any, int], labels: list[Any], dy: int) -> dict[Any, int]:
    """The output of each label: integers below dy name theirs, if all new ones can; others take what is free."""
    new = [label for label in dict.fromkeys(labels) if label not in known]
    free = [column for column in range(dy) if column not in known.values()]
    if len(new) > len(free):
        raise UserError(f"y has {len(known) + len(new)} classes, and the tasks of pretraining have {dy}")
    named = all(label in free for label in new)
    return known | {label: int(label) if named else column for label, column in zip(new, free)}
