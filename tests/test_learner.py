"""The front door: an amortizer in the habits of scikit-learn, and one clear line for what it cannot do."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import check_estimator
from small import small

import iai
from iai.evaluation import EvaluationConfig, evaluate
from iai.learner import Learner, columns
from iai.model import RefinerConfig, Signal
from iai.study import registry
from iai.study.jobs import run
from iai.tasks import CausalOrder, LinearRegression, Relabelled, Stored
from iai.training import checkpoint
from iai.types import Batch, UserError, concat

TINY = RefinerConfig(width=16, depth=1, heads=2, feedforward=32)
QUICK: dict[str, Any] = {"updates": 20, "tasks": 10, "show": False, "lr": 1e-2}
REGIMES = ("implicit", "explicit", "parametric")


@dataclass(frozen=True)
class Linear:
    """A linear map of dx to dy numbers, or the class of the largest."""

    dx: int = 3
    dy: int = 1
    loss: str = "squared_error"

    @property
    def theta_shape(self) -> tuple[int, int]:
        return (self.dx, self.dy)

    def decode(self, x: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        return x @ theta

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        x = torch.randn(tasks, points, self.dx, generator=generator)
        y = x @ torch.randn(tasks, self.dx, self.dy, generator=generator)
        classes = self.loss == "cross_entropy"
        return Batch(x, torch.nn.functional.one_hot(y.argmax(-1), self.dy).to(x) if classes else y)


class Plain(Linear):
    """Another task, to be forgotten."""


CLASSES = Linear(dy=3, loss="cross_entropy")


@cache
def pretrained(task: Any = Linear(), regime: str = "implicit", updates: int = 20) -> Learner:
    return Learner(task, regime, refiner=TINY).pretrain(**QUICK | {"updates": updates})


def learner(task: Any = Linear(), regime: str = "implicit", **settings: Any) -> Learner:
    """One of its own for every test, with shared weights."""
    return clone(pretrained(task, regime)).set_params(**settings)


def rows(n: int = 20, outputs: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = X @ rng.normal(size=(3, outputs))
    return X, y[:, 0] if outputs == 1 else y


X, Y = rows()
LABELS = np.array(["a", "b", "c"])[np.digitize(Y, np.quantile(Y, [1 / 3, 2 / 3]))]
ASKED = rows(7, seed=1)[0]


@pytest.mark.parametrize("regime", REGIMES)
def test_partial_fit_is_one_more_step_and_fit_starts_afresh(regime: str) -> None:
    one = learner(regime=regime).fit(X[:10], Y[:10])
    first = one.predict(ASKED)
    second = one.partial_fit(X[10:], Y[10:]).predict(ASKED)
    assert np.abs(first - second).max() > 1e-4
    batches = [Batch(*(torch.tensor(a[None], dtype=torch.float32) for a in (X[s], Y[s, None]))) for s in HALVES]
    wanted = one(batches, torch.tensor(ASKED[None], dtype=torch.float32))
    np.testing.assert_allclose(second, wanted.detach()[0, :, 0], atol=1e-5)
    np.testing.assert_allclose(learner(regime=regime).fit(X, Y).predict(ASKED), second, atol=1e-5)
    np.testing.assert_allclose(one.fit(X[:10], Y[:10]).predict(ASKED), first, atol=1e-5)


HALVES = (slice(10), slice(10, 20))


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("columns", [1, 2])
def test_whatever_holds_the_numbers_predictions_are_the_same_and_as_wide_as_targets(regime: str, columns: int) -> None:
    x, y = np.round(3 * X), np.round(3 * rows(outputs=columns)[1])
    task = Linear(dy=columns)
    wanted = learner(task, regime).fit(x, y).predict(ASKED)
    assert wanted.shape == ASKED[:, :columns].squeeze().shape and wanted.dtype == np.float64
    kinds: list[Callable[[np.ndarray], Any]] = [
        lambda a: a.astype(np.int64),
        lambda a: a.astype(np.float32),
        np.ndarray.tolist,
        torch.tensor,
        lambda a: np.stack([a, a], -1)[..., 0][::-1][::-1],
        lambda a: pd.DataFrame(a) if a.ndim == 2 else pd.Series(a),
    ]
    for kind in kinds:
        one = learner(task, regime).fit(kind(x), kind(y))
        np.testing.assert_allclose(one.predict(torch.tensor(ASKED)), wanted, rtol=1e-5, atol=1e-5)
        assert one.score(kind(x), kind(y)) == pytest.approx(learner(task, regime).fit(x, y).score(x, y), abs=1e-5)
    if columns == 1:
        tall = learner(task, regime).fit(x, y[:, None]).predict(ASKED)
        assert tall.shape == (7, 1) and np.allclose(tall[:, 0], wanted)


def test_frames_name_their_features_and_must_keep_them() -> None:
    frame = pd.DataFrame(X, columns=["u", "v", "w"])
    one = learner().fit(frame, pd.Series(Y))
    assert one.feature_names_in_.tolist() == ["u", "v", "w"] and one.n_features_in_ == 3
    with pytest.raises(ValueError, match="feature names"):
        one.predict(frame[["w", "v", "u"]])


@pytest.mark.parametrize("regime", ["implicit", "explicit"])
@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (LABELS, ["a", "b", "c"]),
        (LABELS.astype(object), ["a", "b", "c"]),
        (pd.Series(LABELS, dtype="category"), ["a", "b", "c"]),
        (LABELS == "b", [False, True]),
        (np.where(LABELS == "a", 7, 30), [7, 30]),
        (torch.tensor(np.where(LABELS == "a", 2, 1)), [1, 2]),
        (np.full(20, "a"), ["a"]),
    ],
)
def test_labels_come_back_with_their_probabilities(regime: str, labels: Any, names: list[Any]) -> None:
    one = learner(CLASSES, regime).fit(X, labels)
    shares, answers = one.predict_proba(ASKED), one.predict(ASKED)
    assert one.classes_.tolist() == names and shares.shape == (7, len(names))
    np.testing.assert_allclose(shares.sum(1), 1)
    assert answers.tolist() == [names[i] for i in shares.argmax(1)]
    assert one.score(X, labels) == np.mean(one.predict(X) == np.asarray(labels))


def test_classes_keep_their_outputs_as_more_of_them_come() -> None:
    assert columns({}, [1, 2], 3) == {1: 1, 2: 2}  # they name outputs of the model
    assert columns({}, [1, 2, 3], 3) == {1: 0, 2: 1, 3: 2}
    assert columns({"b": 0}, ["a", "b"], 2) == {"b": 0, "a": 1}
    one = learner(CLASSES).partial_fit(X, np.where(LABELS == "a", "a", "c"))
    before = one.predict_proba(ASKED)
    one.seen_, seen = one.seen_[:0], one.seen_
    one.partial_fit(X[:1], ["b"])
    assert one.classes_.tolist() == ["a", "b", "c"] and one.columns_ == {"a": 0, "c": 1, "b": 2}
    one.seen_ = seen
    ratio = one.predict_proba(ASKED)[:, [0, 2]]
    np.testing.assert_allclose(ratio / ratio.sum(1, keepdims=True), before, atol=1e-6)
    named = learner(CLASSES).partial_fit(X[:2], ["x", "x"], classes=["y", "x"])
    assert named.classes_.tolist() == ["x", "y"] and named.columns_ == {"y": 0, "x": 1}
    assert learner(CLASSES).fit(X, LABELS).fit(X, np.where(LABELS == "a", "p", "q")).classes_.tolist() == ["p", "q"]


class Bands(Linear):
    """Three bands along a direction: the middle one is always class 1."""

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        x = torch.randn(tasks, points, self.dx, generator=generator)
        w = torch.nn.functional.normalize(torch.randn(tasks, self.dx, 1, generator=generator), dim=1)
        return Batch(
            x, torch.nn.functional.one_hot(torch.bucketize((x @ w)[..., 0], torch.tensor([-0.4, 0.4])), 3).to(x)
        )


def test_labels_are_names_and_no_order_of_them_matters() -> None:
    """A task that numbers its classes in one way only is learned for all ways, unless it is asked not to be."""
    task = Bands(dx=1, dy=3, loss="cross_entropy")
    accuracy = {}
    for relabel in (True, False):
        one = Learner(task, relabel=relabel, refiner=TINY).pretrain(**QUICK | {"updates": 150})
        x = np.random.default_rng(0).normal(size=(300, 1))
        band = np.digitize(x[:, 0], [-0.4, 0.4])
        for names in (["a", "b", "c"], ["b", "c", "a"]):
            labels = np.array(names)[band]
            accuracy[relabel, names[0]] = one.fit(x[:50], labels[:50]).score(x, labels)
    assert accuracy[True, "a"] > 0.75 and accuracy[True, "b"] > 0.75
    assert accuracy[False, "a"] > 0.75 and accuracy[False, "b"] < 0.6
    numbers = one.fit(
        x[band != 0][:30], band[band != 0][:30]
    )  # without relabelling, 1 and 2 say which classes they are
    assert numbers.score(x[band != 0], band[band != 0]) > 0.75 and numbers.classes_.tolist() == [1, 2]


def test_relabelled_tasks_number_their_classes_alike_in_all_of_their_data() -> None:
    task, drawn = Relabelled(task=Bands(dx=1, dy=3, loss="cross_entropy")), torch.Generator().manual_seed(0)
    batches, asked = task.episode(drawn, 6, 2, 50, 40)
    plain, same = (
        Bands(dx=1, dy=3, loss="cross_entropy").sample(drawn.manual_seed(0), 6, 140),
        concat([*batches, asked]),
    )
    assert torch.equal(same.x, plain.x) and not torch.equal(same.y, plain.y)
    for mine, theirs in zip(same.y.argmax(-1), plain.y.argmax(-1)):
        assert len(set(zip(mine.tolist(), theirs.tolist()))) == 3
    assert (task.dx, task.dy, task.loss) == (1, 3, "cross_entropy")


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("n", [1, 3, 2500])
def test_any_number_of_rows_is_answered(regime: str, n: int) -> None:
    x, y = rows(n)
    one = learner(regime=regime, batch_size=1000).fit(x, y)
    answers = one.predict(x)
    assert answers.shape == (n,) and np.isfinite(answers).all()
    np.testing.assert_allclose(one.predict(x[-1:]), answers[-1:], atol=1e-5)  # however many are asked at once
    assert one.predict(x[:0]).shape == (0,)


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"u": X[:, 0], "v": X[:, 1], "w": X[:, 2]} | columns)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Learner(Linear()).fit(X, Y), NotFittedError, "not pretrained: pretrain"),
        (lambda: Learner(Linear()).predict(X), NotFittedError, "not pretrained"),
        (lambda: Learner(Linear()).save("x"), NotFittedError, "not pretrained"),
        (lambda: evaluate(Learner(Linear()), Linear()), NotFittedError, "not pretrained"),
        (lambda: learner().predict(X), NotFittedError, "not fitted: call fit"),
        (lambda: learner(CLASSES).predict_proba(X), NotFittedError, "not fitted: call fit"),
        (lambda: learner().fit(X, Y).set_params(regime="explicit").predict(X), NotFittedError, "settings changed"),
        (lambda: learner().set_params(task=Linear(dx=2)).fit(X, Y), NotFittedError, "settings changed"),
        (lambda: learner().fit(X[:, :2], Y), UserError, "X has 2 features, and the tasks of pretraining have 3"),
        (lambda: learner().fit(X, Y).predict(X[:, :2]), ValueError, "X has 2 features, but .* expecting 3"),
        (lambda: learner().fit(X, np.stack([Y, Y], 1)), UserError, "y has 2 outputs, and .* have 1"),
        (lambda: learner(Linear(dy=2)).fit(X, Y), UserError, "y has 1 outputs, and .* have 2"),
        (lambda: learner(CLASSES).fit(X, np.arange(20) % 4), UserError, "y has 4 classes, and .* have 3"),
        (lambda: learner(CLASSES).fit(X, Y), ValueError, "continuous"),
        (lambda: learner().fit(X, LABELS), ValueError, "could not convert string"),
        (lambda: learner().fit(X[:0], Y[:0]), ValueError, "0 sample"),
        (lambda: learner().fit(X, Y[:5]), ValueError, "inconsistent numbers of samples"),
        (lambda: learner().fit(X[:, 0], Y), ValueError, "Expected 2D array"),
        (lambda: learner().fit(np.where(X > 1, np.nan, X), Y), ValueError, "contains NaN"),
        (lambda: learner().fit(X, np.where(Y > 1, np.inf, Y)), ValueError, "infinity"),
        (lambda: learner().fit(X, Y).predict(1e300 * X), ValueError, "too large for dtype"),
        (lambda: learner().fit(frame(u=LABELS), Y), ValueError, "could not convert string"),
        (lambda: learner(batch_size=0).fit(X, Y), UserError, "batch_size = 0"),
        (lambda: learner(batch_size="3").fit(X, Y), UserError, "batch_size = '3'"),
        (lambda: learner().fit(X, Y).predict(1e30 * X), UserError, "not finite: give X and y on the scale"),
        (lambda: Learner(Linear).pretrain(1), UserError, "draws no rows: give an object"),
        (lambda: Learner(3).pretrain(1), UserError, "3 draws no rows"),
        (lambda: Learner(CausalOrder()).pretrain(1), UserError, "draws no rows"),
        (lambda: Learner(Linear()).pretrain(1, rate=3), UserError, "no setting rate: it has those of Greedy"),
        (lambda: learner(CLASSES).fit(X[:4], ["a", None, "b", "a"]), UserError, "several kinds, or missing"),
        (lambda: learner(CLASSES).fit(X[:2], [1, 2]).partial_fit(X[:1], ["b"]), UserError, "several kinds"),
        (lambda: Learner(Linear(), decode=torch.nn.Linear(1, 1)).pretrain(1), UserError, "and in no other"),
        (lambda: Learner(Linear(), "explicit", decode=len).pretrain(1), UserError, "a module in the explicit regime"),
        (
            lambda: Learner(Linear(), "explicit", decode=Net(out=2), latent=4).pretrain(1),
            UserError,
            r"it makes \(2, 2\)",
        ),
        (lambda: Learner(Linear(), "explicit", decode=Net(latent=5)).pretrain(1), UserError, "decode must map"),
        (lambda: Learner(Linear(), "parametric", theta_shape=(9, 9), decode=max).pretrain(1), UserError, "must map"),
        (lambda: Learner(Line(), "parametric").pretrain(1), UserError, "lacks decode or theta_shape"),
    ],
)
def test_what_cannot_be_is_one_clear_line(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as raised:
        call()
    assert "\n" not in str(raised.value) or error is ValueError  # scikit-learn's own


class Line:
    """A task of one's own, of no dataclass and no known likelihood."""

    dx, dy, loss = 3, 1, "squared_error"

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        return Linear().sample(generator, tasks, points)


class Net(torch.nn.Module):
    """A likelihood of one's own: features of x, weighted by the code."""

    def __init__(self, latent: int = 4, out: int = 1):
        super().__init__()
        self.features, self.out = torch.nn.Linear(3, latent), out

    def forward(self, x: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
        return (self.features(x).tanh() @ theta.reshape(-1, 1)).expand(-1, self.out)


def quadratic(x: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    return x @ theta[0, :, None] + x.square() @ theta[1, :, None]


OWN: dict[str, dict[str, Any]] = {
    "implicit": {"task": Line()},
    "history": {"task": Linear(), "regime": "parametric", "signal": Signal(history=2)},
    "library": {"task": LinearRegression(dimension=3), "regime": "parametric"},
    "module": {"task": Line(), "regime": "explicit", "decode": Net(), "latent": 4},
    "function": {"task": Line(), "regime": "parametric", "decode": quadratic, "theta_shape": (2, 3)},
    "classes": {"task": CLASSES, "regime": "explicit"},
    "ordered": {"task": CLASSES, "relabel": False},
}


@pytest.mark.parametrize("name", OWN)
def test_what_was_saved_predicts_the_same_and_can_be_trained_on(name: str, tmp_path: Path) -> None:
    made = Learner(**OWN[name], refiner=TINY, batch_size=7).pretrain(**QUICK)
    y = LABELS if OWN[name]["task"] == CLASSES else Y
    path = made.save(tmp_path / "deep" / "mine.safetensors")
    again = Learner.load(path, decode=OWN[name].get("decode"))
    assert again.get_params() | {"task": None} == made.get_params() | {"task": None}
    with pytest.raises(NotFittedError, match="call fit"):
        again.predict(X)
    for one in (again, pickle.loads(pickle.dumps(made)), clone(made)):
        assert np.array_equal(one.fit(X, y).predict(ASKED), made.fit(X, y).predict(ASKED))
    assert again.pretrain(**QUICK).fit(X, y).predict(ASKED).tolist() == made.predict(ASKED).tolist()
    assert isinstance(again.task, type(OWN[name]["task"]))


def test_a_file_predicts_without_the_class_of_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {r: Learner(Plain(), r, refiner=TINY).pretrain(**QUICK).save(tmp_path / r) for r in REGIMES}
    monkeypatch.delattr("test_learner.Plain")
    for regime in ("implicit", "explicit"):
        again = Learner.load(paths[regime])
        assert isinstance(again.task, Stored) and again.fit(X, Y).predict(ASKED).shape == (7,)
        assert again.save(tmp_path / "again").read_bytes() == paths[regime].read_bytes()
        with pytest.raises(UserError, match=r"test_learner:Plain.*: Learner.load\(path, task=") as raised:
            again.pretrain(**QUICK)
        assert "\n" not in str(raised.value)
        assert Learner.load(paths[regime], task=Linear()).pretrain(**QUICK).task == Linear()
    with pytest.raises(UserError, match="test_learner:Plain"):
        Learner.load(paths["parametric"])
    holding = Linear()
    object.__setattr__(holding, "table", torch.zeros(2))  # a state that is not plain data
    path = Learner(holding, refiner=TINY).pretrain(**QUICK).save(tmp_path / "table")
    with pytest.raises(UserError, match="its state is not plain data"):
        Learner.load(path).fit(X, Y).pretrain(**QUICK)


def test_a_file_that_is_none_or_lacks_its_decode_is_one_clear_line(tmp_path: Path) -> None:
    path = Learner(**OWN["module"], refiner=TINY).pretrain(**QUICK).save(tmp_path / "m")
    function = Learner(**OWN["function"], refiner=TINY).pretrain(**QUICK).save(tmp_path / "f")
    cut = tmp_path / "cut"
    cut.write_bytes(path.read_bytes()[:-100])
    baseline = tmp_path / "cnp"
    run.fit(registry.experiment("baseline/linear-regression/attentive-cnp", "smoke"), path=baseline, show=False)
    cases = (
        (path, "give its decode"),
        (function, "lacks decode or theta_shape"),
        (cut, "damaged"),
        (baseline, "is of a baseline"),
    )
    for file, message in (*cases, (tmp_path / "none", "there is no")):
        with pytest.raises(UserError, match=message) as raised:
            Learner.load(file)
        assert "\n" not in str(raised.value)


def test_it_opens_what_an_experiment_trained_and_the_other_way_round(tmp_path: Path) -> None:
    chosen = small("explicit", LinearRegression(dimension=3), theta="one", space="latent")
    model, _ = run.fit(chosen, path=tmp_path / "run", show=False)
    opened = Learner.load(tmp_path / "run").fit(X, Y)
    batch = Batch(torch.tensor(X[None], dtype=torch.float32), torch.tensor(Y[None, :, None], dtype=torch.float32))
    wanted = model([batch[i : i + 5] for i in range(0, 20, 5)], batch.x)
    np.testing.assert_allclose(opened.predict(X), wanted.detach()[0, :, 0], atol=1e-5)
    back = iai.load(opened.save(tmp_path / "mine"))
    assert torch.equal(back([batch], batch.x), model([batch], batch.x))


def test_pretraining_starts_afresh_unless_asked_to_go_on_and_leaves_a_decode_alone() -> None:
    net, heard = Net(), []
    before = [w.clone() for w in net.parameters()]
    one = Learner(Line(), "explicit", decode=net, latent=4, refiner=TINY)
    first = one.pretrain(**QUICK, log=lambda update, loss: heard.append((update, loss))).fit(X, Y).predict(ASKED)
    assert [update for update, _ in heard] == list(range(20)) and all(isinstance(loss, float) for _, loss in heard)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters()))
    assert np.array_equal(one.pretrain(**QUICK).fit(X, Y).predict(ASKED), first)
    assert not np.allclose(one.pretrain(**QUICK, seed=1).fit(X, Y).predict(ASKED), first)
    start = clone(one)
    further = one.pretrain(**QUICK | {"updates": 1, "lr": 1e-9}, resume=True).fit(X, Y).predict(ASKED)
    np.testing.assert_allclose(further, start.fit(X, Y).predict(ASKED), atol=1e-4)


def test_scikit_learn_takes_it_for_what_it_is() -> None:
    assert is_regressor(learner()) and is_classifier(learner(CLASSES)) and not hasattr(learner(), "predict_proba")
    assert np.isfinite(cross_val_score(learner(), X, Y, cv=3)).all()
    search = GridSearchCV(learner(CLASSES), {"batch_size": [5, 10]}, cv=2).fit(X, np.where(Y > 0, "p", "n"))
    assert set(search.predict(X)) <= {"n", "p"}
    assert "regime='explicit'" in repr(Learner(Linear(), "explicit"))
    twin = clone(learner().fit(X, Y))
    with pytest.raises(NotFittedError, match="not fitted"):
        twin.predict(X)


def test_evaluate_takes_a_learner_as_it_takes_its_amortizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Learner, "__call__", lambda self, batches, x: 1 / 0)  # it would start afresh for every step
    config = EvaluationConfig(tasks=4, steps=3, points=5, queries=4)
    assert evaluate(clone(pretrained()), Linear(), config) == evaluate(pretrained().amortizer_, Linear(), config)


class AnyShape(Learner):
    """A learner with weights for whatever shape its data have, as scikit-learn's checks expect."""

    def __init__(self, loss: str = "squared_error", regime: str = "implicit", batch_size: int = 10):
        self.loss, self.regime, self.batch_size = loss, regime, batch_size

    @property
    def task(self) -> Linear:
        return Linear(*getattr(self, "shape_", (1, 2)), self.loss)

    def pretrained(self) -> Any:
        return pretrained(self.task, self.regime, 5).amortizer_

    def partial_fit(self, X: Any, y: Any, classes: Any = ()) -> Learner:
        shape = np.shape(np.asarray(X)) if not hasattr(X, "toarray") else X.shape
        if not self.__sklearn_is_fitted__() and len(shape) == 2 and shape[1] and y is not None:
            targets = np.asarray(y)
            wide = targets.shape[1] if targets.ndim == 2 else 1
            named = max(2, len(set(targets.ravel().tolist()) | set(classes)))
            self.shape_ = (shape[1], wide if self.loss == "squared_error" else named if named < 20 else 2)
        return super().partial_fit(X, y, classes)


ROUNDING = "numbers are of single precision, and these checks compare with 1e-7 or less"
SCORE = "what it knows is what it was pretrained on, which here was little"
NOT_HERE = {
    "check_methods_subset_invariance": ROUNDING,
    "check_methods_sample_order_invariance": ROUNDING,
    "check_regressors_train": SCORE,
    "check_classifiers_train": SCORE,
}
"""The checks of scikit-learn that a pretrained model need not pass, and why."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("loss", "regime"), [("squared_error", "explicit"), ("cross_entropy", "implicit")])
def test_it_passes_the_checks_of_scikit_learn(loss: str, regime: str) -> None:
    found = check_estimator(AnyShape(loss, regime), expected_failed_checks=NOT_HERE, on_skip=None)
    assert sum(check["status"] == "passed" for check in found) > 45


def test_settings_of_an_experiment_that_a_learner_has_not_are_kept_on_resume(tmp_path: Path) -> None:
    path = tmp_path / "softmax.safetensors"
    run.fit(small("implicit", CLASSES, space="softmax"), path=path, show=False)
    loaded = Learner.load(path).pretrain(**QUICK | {"updates": 2}, resume=True, seed=1)
    X, _ = rows()
    loaded.fit(X[:10], [0, 1] * 5)
    again = Learner.load(loaded.save(tmp_path / "again.safetensors")).fit(X[:10], [0, 1] * 5)
    assert loaded.experiment_.space == "softmax"
    np.testing.assert_array_equal(again.predict_proba(X), loaded.predict_proba(X))


def test_a_changed_decode_or_device_is_not_ignored() -> None:
    X, y = rows()
    with pytest.raises(NotFittedError, match="settings changed"):
        learner(decode=torch.nn.Bilinear(3, 3, 1)).fit(X, y)
    with pytest.raises(NotFittedError, match="settings changed"):
        evaluate(learner().set_params(regime="explicit"), Linear())
    with pytest.raises(UserError, match="cannot be used here"):
        learner(device="nonsense").fit(X, y)


def test_a_file_keeps_the_size_of_mini_batches(tmp_path: Path) -> None:
    X, y = rows()
    saved = learner(batch_size=np.int64(7)).fit(X, y)
    again = Learner.load(saved.save(tmp_path / "a.safetensors")).fit(torch.tensor(X, requires_grad=True), y)
    assert again.batch_size == 7
    np.testing.assert_array_equal(again.predict(X), saved.predict(X))


def test_a_task_that_is_given_takes_the_place_of_the_stored_one_if_it_fits(tmp_path: Path) -> None:
    path = pretrained(Plain(), "parametric").save(tmp_path / "a.safetensors")
    tensors, header = checkpoint.read(path)
    header["config"]["objective"]["task"]["kind"] = "test_learner:Gone"
    checkpoint.write(path, tensors, header)
    X, y = rows()
    assert Learner.load(path, task=Plain()).fit(X, y).predict(X).shape == (20,)
    for other in (CLASSES, Linear(dy=2), Linear(dx=4)):
        with pytest.raises(UserError, match="is of tasks with (dx|dy|loss) = "):
            Learner.load(path, task=other)
