"""Feature tasks: distinct images, hidden classes, the right part of the classes and of the examples."""

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from small import small
from torch.func import vmap

from iai.baselines.classical import Centroids, Logistic, _training
from iai.evaluation import EvaluationConfig, evaluate
from iai.experiment import from_json, to_json
from iai.study.jobs.run import identity
from iai.tasks import Features, data
from iai.tasks.features import PARTS
from iai.types import Batch, UserError

SAMPLE: dict[str, Any] = {"dataset": "mnist+fashion-mnist", "source": "sample"}
needs_features = pytest.mark.skipif(
    not (data.root() / "features" / "tiny-imagenet.npz").is_file(), reason="IAI_DATA holds no feature sets"
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def truth_of(batch: Batch) -> list[list[tuple[int, str, int]]]:
    """The class, part and place of each vector of a batch of the sample, task by task."""
    found = data.features(SAMPLE["dataset"], "sample")
    known = {
        vector.float().numpy().tobytes(): (int(label), part, i)
        for part, x, y in (("train", found.x_train, found.y_train), ("test", found.x_test, found.y_test))
        for i, (vector, label) in enumerate(zip(x, y))
    }
    return [[known[vector.numpy().tobytes()] for vector in task] for task in batch.x]


@pytest.fixture
def folder(tmp_path: data.Path, monkeypatch: pytest.MonkeyPatch) -> data.Path:
    """An IAI_DATA with one feature set, "toy", of 10 classes."""
    monkeypatch.setenv("IAI_DATA", str(tmp_path))
    (tmp_path / "features").mkdir()
    write(tmp_path / "features" / "toy.npz", width=256)
    return tmp_path


def write(path: data.Path, width: int, seed: int = 0) -> None:
    draws = np.random.default_rng(seed)
    x = {f"x_{part}": draws.normal(size=(60, width)).astype(np.float16) for part in data.SPLITS}
    y = {f"y_{part}": np.repeat(np.arange(10, dtype=np.int16), 6) for part in data.SPLITS}
    np.savez(path, classes=[f"class {i}" for i in range(10)], **x, **y)


def test_classes_are_divided_by_a_fixed_rule() -> None:
    parts = [PARTS[label % 5] for label in range(200)]
    assert [parts.count(part) for part in ("train", "validation", "held-out")] == [120, 40, 40]
    assert [label for label in range(20) if parts[label] == "held-out"] == [4, 9, 14, 19]
    assert [label for label in range(20) if parts[label] == "validation"] == [3, 8, 13, 18]


@pytest.mark.parametrize("classes", ["train", "validation", "held-out", "all"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_task_relabels_random_classes_of_its_part(split: Any, classes: Any) -> None:
    task = Features(**SAMPLE, ways=3, split=split, classes=classes)
    batch = task.sample(generator(), 40, 45)
    assert torch.equal(batch.y.sum(-1), torch.ones(40, 45)) and batch.y.shape[-1] == 3
    maps = []
    for found, labels in zip(truth_of(batch), batch.y.argmax(-1).tolist()):
        assert len({*found}) == 45
        assert {part for _, part, _ in found} == {"test" if split == "test" else "train"}
        pairs = sorted({(label, true) for label, (true, _, _) in zip(labels, found)})
        assert [label for label, _ in pairs] == [0, 1, 2]
        maps.append(tuple(true for _, true in pairs))
        assert len({*maps[-1]}) == 3
    allowed = {label for label in range(20) if classes in ("all", PARTS[label % 5])}
    assert {label for one in maps for label in one} == allowed
    assert any(sorted(one) != [*one] for one in maps) and len({frozenset(one) for one in maps}) > 3


def test_examples_are_split_into_training_and_validation() -> None:
    """All examples of a split in one draw: 83 and 17 of the 100 of each class, none in both."""
    parts = {}
    for split, each in (("train", 83), ("validation", 17)):
        task = Features(**SAMPLE, classes="all", ways=20, split=split)  # type: ignore[arg-type]
        parts[split] = {*truth_of(task.sample(generator(), 1, 20 * each))[0]}
    assert len(parts["train"]) == 1660 and len(parts["validation"]) == 340
    assert parts["train"].isdisjoint(parts["validation"])


def test_a_seed_decides_a_draw_whatever_came_before() -> None:
    first = Features(**SAMPLE, ways=4, projection=7).sample(generator(3), 5, 20)
    torch.rand(5)
    Features(**SAMPLE, ways=2).sample(generator(4), 3, 2)
    again = Features(**SAMPLE, ways=4, projection=7).sample(generator(3), 5, 20)
    assert torch.equal(first.x, again.x) and torch.equal(first.y, again.y)


def test_projection_is_one_gaussian_map_a_task() -> None:
    draws = generator(1)
    plain = Features(**SAMPLE, ways=4).sample(draws, 6, 50)
    matrix = torch.randn(6, 256, 32, generator=draws)  # what a projection draws comes after all else
    mapped = Features(**SAMPLE, ways=4, projection=32).sample(generator(1), 6, 50)
    torch.testing.assert_close(mapped.x, plain.x @ matrix / 16)
    assert torch.equal(mapped.y, plain.y)


@pytest.mark.parametrize("projection", [None, 64])
def test_features_have_rms_one(projection: int | None) -> None:
    batch = Features(**SAMPLE, classes="all", projection=projection).sample(generator(), 64, 200)
    assert batch.x.dtype == torch.float32
    assert batch.x.square().mean().sqrt().item() == pytest.approx(1, abs=0.06)
    assert batch.y.square().mean().sqrt().item() == pytest.approx(10**-0.5)


def test_decode_is_a_linear_softmax_in_any_shape_of_theta() -> None:
    task = Features(**SAMPLE, ways=3, projection=5)
    x, theta = torch.randn(2, 7, 5), torch.randn(2, *task.theta_shape)
    logits = vmap(task.decode)(x, theta)
    torch.testing.assert_close(logits[1], torch.nn.functional.linear(x[1], theta[1, :, :5], theta[1, :, 5]))
    torch.testing.assert_close(vmap(task.decode)(x, theta.reshape(2, 1, -1)), logits)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_sample_is_the_lowest_frequencies_of_pixels(name: str) -> None:
    found = data.features(name, "sample")
    train, test = (data.images(name, part, "sample")[0].numpy().astype(float) for part in data.SPLITS)
    low = [dctn(pixels, axes=(1, 2), norm="ortho")[:, :16, :16].reshape(-1, 256) for pixels in (train, test)]
    scale = np.sqrt(np.square(low[0] - low[0].mean(0)).mean())
    for x, expected in zip((found.x_train, found.x_test), low):
        torch.testing.assert_close(
            x.double(), torch.from_numpy((expected - low[0].mean(0)) / scale), atol=5e-3, rtol=1e-3
        )


def test_a_sample_needs_no_data(folder: data.Path) -> None:
    joint = data.features("mnist+fashion-mnist", "sample")
    assert len(joint.classes) == 20 and joint.classes[14] == "fashion-mnist 4"
    assert joint.y_test.bincount().tolist() == [100] * 20
    assert data.features("mnist+fashion-mnist", "sample") is joint


def test_a_file_is_read_once_and_given_as_it_is(folder: data.Path) -> None:
    task = Features(dataset="toy", classes="all", split="test")
    x = task.sample(generator(), 1, 60).x[0]
    assert data.features("toy") is data.features("toy")
    assert torch.equal(x.sort(0).values, data.features("toy").x_test.float().sort(0).values)


def test_records_have_the_hash_of_the_file(folder: data.Path) -> None:
    chosen = small("parametric", Features(dataset="toy", ways=2))
    path = folder / "features" / "toy.npz"
    expected = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert identity(chosen, 0, {})["data"] == {"toy/features/full": expected}
    sample = small("parametric", Features(**SAMPLE, ways=2))
    assert [*identity(sample, 0, {})["data"]] == ["mnist+fashion-mnist/features/sample"]


def test_a_task_survives_json() -> None:
    task = Features(dataset="cifar10", classes="all", split="test", projection=32)
    assert from_json(to_json(task)) == task


def test_missing_file_names_variable_path_and_command(folder: data.Path) -> None:
    with pytest.raises(UserError) as error:
        Features(dataset="cifar10").sample(generator(), 1, 5)
    text = str(error.value)
    assert f"IAI_DATA={folder}" in text and str(folder / "features" / "cifar10.npz") in text
    assert "python tools/extract.py IMAGES cifar10" in text and "\n" not in text


@pytest.mark.parametrize("content", [b"nothing", b"PK\x03\x04 and no more"])
def test_damaged_file_is_refused(folder: data.Path, content: bytes) -> None:
    (folder / "features" / "bad.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.npz is no feature file .*; delete it and run: python tools"):
        data.features("bad")


def test_other_widths_are_refused(folder: data.Path) -> None:
    write(folder / "features" / "wide.npz", width=384)
    with pytest.raises(UserError, match=r"vectors of 384, not of 256"):
        data.features("wide")


@pytest.mark.parametrize(
    ("change", "points", "words"),
    [
        ({"ways": 1}, 1, "ways = 1: choose 2 or more"),
        ({"ways": 7}, 1, r"ways = 7, but .* has 6 classes; ask for fewer"),
        ({"ways": 2}, 11, r"11 images a task, but toy \(full, train, train classes\) may have only 10"),
        ({"source": "sample"}, 1, "unknown data set 'toy': there is mnist, fashion-mnist"),
    ],
)
def test_impossible_tasks_are_refused(folder: data.Path, change: dict[str, Any], points: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Features(**{"dataset": "toy", **change}).sample(generator(), 1, points)


def test_all_that_there_are_can_be_drawn(folder: data.Path) -> None:
    assert Features(dataset="toy", ways=2).sample(generator(), 3, 10).points == 10


@pytest.mark.parametrize(("classes", "tuned"), [("held-out", "train"), ("validation", "train"), ("all", "all")])
def test_baselines_are_tuned_on_training_classes_and_examples(classes: Any, tuned: str) -> None:
    training = _training(Features(**SAMPLE, ways=3, split="test", classes=classes))
    assert isinstance(training, Features) and (training.split, training.classes) == ("train", tuned)


def test_centroids_are_the_nearest_class_mean() -> None:
    batch = Features(**SAMPLE, ways=3).sample(generator(2), 4, 90)
    seen, queries = batch[:30], batch[30:]
    logits = Centroids(dy=3)([seen[:12], seen[12:]], queries.x)
    for i in range(4):
        means = torch.stack([seen.x[i, seen.y[i, :, c] == 1].mean(0) for c in range(3)])
        nearest = (queries.x[i, :, None] - means).norm(dim=-1).argmin(-1)
        assert torch.equal(logits[i].argmax(-1), nearest)
    one = Batch(seen.x[:, :5], torch.eye(3)[1].expand(4, 5, 3))
    assert Centroids(dy=3)([one], queries.x).isfinite().all()


@needs_features
@pytest.mark.parametrize(("name", "classes"), [("tiny-imagenet", "held-out"), ("cifar10", "all"), ("cifar100", "all")])
def test_few_images_tell_classes_of_the_real_sets_apart(name: str, classes: Any) -> None:
    """Published beside the files: nearest centroid of 5 images a class errs on 25, 48 and 26 % of ten classes."""
    task = Features(dataset=name, classes=classes, split="test")
    assert task.sample(generator(), 32, 100).x.square().mean().sqrt().item() == pytest.approx(1, abs=0.09)
    config = EvaluationConfig(tasks=32, steps=5, points=10, queries=50)
    expected = {"tiny-imagenet": 0.25, "cifar10": 0.48, "cifar100": 0.26}[name]
    for learner in (Centroids(dy=10), Logistic(dy=10)):
        error = evaluate(learner, task, config, [5])["error"]["mean"][5]
        assert error == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"y_train": np.zeros(59, np.int16)}, "60 inputs and labels of shape (59,)"),
        ({"y_test": np.zeros((60, 1), np.int16)}, "60 inputs and labels of shape (60, 1)"),
        ({"y_train": np.full(60, 10)}, "0 to 9"),
        ({"y_train": np.full(60, -1)}, "0 to 9"),
        ({"y_train": np.full(60, np.nan)}, "0 to 9"),
        ({"x_train": np.full((60, 256), np.nan)}, "not finite"),
        ({"x_test": np.full((60, 256), 1e6)}, "not finite"),
        ({"x_test": np.full((60, 256), "a")}, "convert"),
        ({"x_test": np.full((60, 256), None)}, "allow_pickle"),
        ({"x_test": np.zeros((60, 255))}, "vectors of 255, not of 256"),
        ({"x_test": np.zeros(60)}, "vectors of 60, not of 256"),
        ({"x_test": np.zeros((0, 256)), "y_test": np.zeros(0, int)}, "0 inputs"),
        ({"classes": np.array([], str)}, "0 to -1"),
    ],
)
def test_features_that_make_no_tasks_are_refused(folder: data.Path, changes: dict[str, Any], what: str) -> None:
    path = folder / "features" / "toy.npz"
    with np.load(path) as arrays:
        whole = dict(arrays)
    np.savez(path, **whole | changes)
    with pytest.raises(UserError, match=r"toy\.npz is no feature file .*; delete it and run: python tools") as raised:
        data.features("toy")
    assert what in str(raised.value) and "\n" not in str(raised.value)


def test_labels_and_features_of_any_type_of_number_are_used(folder: data.Path) -> None:
    path = folder / "features" / "toy.npz"
    with np.load(path) as arrays:
        np.savez(path, **{n: a.astype({"x": float, "y": np.uint8}.get(n[0], a.dtype)) for n, a in arrays.items()})
    found = data.features("toy")
    assert (found.x_train.dtype, found.y_train.dtype) == (torch.float16, torch.int64)
