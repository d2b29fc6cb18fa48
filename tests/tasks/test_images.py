"""Image tasks: distinct images, one map a task, hidden classes, and the right part of the data."""

from itertools import pairwise
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import vmap

from iai.tasks import Images, data
from iai.tasks.classes import distinct, uniform
from iai.types import UserError

Law = Literal["permutation", "projection", "both"]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def raw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tasks give their pixels as they are, so that a test can recognise an image."""
    monkeypatch.setattr(Images, "_inputs", lambda self, laws, pixels: pixels.float())


def classes_of(x: torch.Tensor, name: str, split: str) -> list[list[int]]:
    """The true class of each image of raw pixels, `tasks n`; -1 for an image of another part."""
    pixels, labels = data.images(name, split, "sample")
    known = {image.numpy().tobytes(): int(label) for image, label in zip(pixels, labels)}
    return [[known.get(image.to(torch.uint8).numpy().tobytes(), -1) for image in task] for task in x]


@settings(deadline=None, max_examples=60)
@given(size=st.integers(1, 3000), share=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_places_are_distinct(size: int, share: float, seed: int) -> None:
    points = max(1, round(share * size))
    places = distinct(generator(seed), torch.tensor([[size], [size + 7]]), points)
    for i in range(2):
        assert places[i].unique().numel() == points
        assert places[i].min().item() >= 0 and places[i].max().item() < size + 7 * i


def test_all_places_make_a_permutation() -> None:
    places = distinct(generator(), torch.tensor([[1000]]), 1000)
    assert places.sort().values.tolist() == [list(range(1000))]


@pytest.mark.parametrize("position", [0, 1, 4])
def test_a_place_is_uniform_and_independent_of_the_one_before(position: int) -> None:
    tasks, size = 40_000, 7
    places = distinct(generator(), torch.full((tasks, 1), size), 5)
    counts = places[:, position].bincount(minlength=size)
    assert ((counts - tasks / size).square().sum() / (tasks / size)).item() < 25  # chi^2, 6 degrees of freedom
    pairs = (places[:, 0] * size + places[:, 1]).bincount(minlength=size**2)
    expected = tasks / (size * (size - 1))
    assert ((pairs[pairs > 0] - expected).square().sum() / expected).item() < 90  # 41 degrees of freedom


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32), ways=st.integers(2, 10), points=st.integers(1, 166))
def test_images_of_a_task_are_distinct(seed: int, ways: int, points: int) -> None:
    x = Images(law="permutation", ways=ways, source="sample").sample(generator(seed), 2, points).x
    assert [task.unique(dim=0).shape[0] for task in x] == [points, points]


@pytest.mark.usefixtures("raw")
@pytest.mark.parametrize("ways", [2, 5, 10])
@pytest.mark.parametrize("law", ["permutation", "projection", "both"])
@pytest.mark.parametrize("name", list(data.DATASETS))
def test_labels_are_a_relabelling_of_the_classes(name: str, law: Law, ways: int) -> None:
    task = Images(dataset=name, split="test", law=law, ways=ways, source="sample")
    batch = task.sample(generator(), 6, 150)
    assert torch.equal(batch.y.sum(-1), torch.ones(6, 150)) and batch.y.shape[-1] == ways
    maps = []
    for true, labels in zip(classes_of(batch.x, name, "test"), batch.y.argmax(-1).tolist()):
        assert -1 not in true
        pairs = sorted({*zip(labels, true)})
        assert [label for label, _ in pairs] == list(range(ways))
        maps.append([c for _, c in pairs])
        assert len({*maps[-1]}) == ways
    in_order = [all(a < b for a, b in pairwise(m)) for m in maps]
    assert all(in_order) if law == "projection" else not all(in_order)
    assert len({*map(tuple, maps)}) == 1 if (law, ways) == ("projection", 10) else len({*map(tuple, maps)}) > 1


@pytest.mark.usefixtures("raw")
@pytest.mark.parametrize(("split", "other"), [("train", "test"), ("test", "train")])
def test_a_part_holds_no_image_of_the_other(split: Literal["train", "test"], other: str) -> None:
    x = Images(split=split, source="sample").sample(generator(), 2, 300).x
    assert {c for task in classes_of(x, "mnist", other) for c in task} == {-1}


@pytest.mark.usefixtures("raw")
@pytest.mark.parametrize("name", list(data.DATASETS))
def test_training_images_are_split_into_training_and_validation(name: str) -> None:
    """All images of a split in one draw: 83 and 17 of the 100 of each class, none in both."""
    parts: dict[str, set[bytes]] = {}
    for split, each in (("train", 83), ("validation", 17)):
        batch = Images(dataset=name, split=split, source="sample").sample(generator(), 1, 10 * each)
        assert batch.y.sum((0, 1)).tolist() == [each] * 10
        assert -1 not in classes_of(batch.x, name, "train")[0]
        parts[split] = {image.to(torch.uint8).numpy().tobytes() for image in batch.x[0]}
    assert parts["train"].isdisjoint(parts["validation"])
    assert len(parts["train"] | parts["validation"]) == 1000


@pytest.mark.parametrize("points", [1, 128, 200])
def test_features_are_one_random_map_a_task_of_standardised_pixels(points: int) -> None:
    task = Images(dataset="fashion-mnist", projection=16, source="sample")
    pixels = data.images("fashion-mnist", "train", "sample")[0].reshape(1, -1, 784)[:, :points].expand(2, -1, -1)
    facts = data.dataset("fashion-mnist")
    features = task._inputs((generator(3), None), pixels)
    matrix = torch.randn(2, 784, 16, generator=generator(3))
    expected = ((pixels / 255 - facts.mean) / facts.sd) @ matrix / 28
    torch.testing.assert_close(features, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(features[0], features[1])


@pytest.mark.parametrize("law", ["permutation", "projection", "both"])
@pytest.mark.parametrize("name", list(data.DATASETS))
def test_features_have_rms_one(name: str, law: Law) -> None:
    task = Images(dataset=name, law=law, source="sample")
    batch = task.sample(generator(), 32, 100)
    assert batch.x.shape == (32, 100, task.dx)
    assert batch.x.square().mean().sqrt().item() == pytest.approx(1, abs=0.06)
    assert batch.y.square().mean().sqrt().item() == pytest.approx(task.y_scale)


def test_decode_is_a_linear_softmax_in_any_shape_of_theta() -> None:
    task = Images(ways=3, projection=5)
    x, theta = torch.randn(2, 7, 5), torch.randn(2, *task.theta_shape)
    logits = vmap(task.decode)(x, theta)
    torch.testing.assert_close(logits[1], torch.nn.functional.linear(x[1], theta[1, :, :5], theta[1, :, 5]))
    torch.testing.assert_close(vmap(task.decode)(x, theta.reshape(2, 1, -1)), logits)


def test_more_images_than_there_are_is_an_error() -> None:
    task = Images(ways=2, source="sample")
    assert task.sample(generator(), 1, 166).points == 166
    with pytest.raises(UserError, match=r"167 images a task, but mnist \(sample, train\) may have only 166"):
        task.sample(generator(), 1, 167)


@pytest.mark.parametrize("bad", [{"ways": 11}, {"ways": 1}, {"dataset": "mnits"}])
def test_impossible_tasks_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"choose from 2 to 10|did you mean mnist"):
        Images(**bad)


def test_tasks_of_a_finite_pool_share_a_few_laws_and_no_images() -> None:
    """With one law all tasks have one projection and one order of labels; their images are new."""
    task = Images(source="sample", projection=6, distinct_laws=1)
    first, second = (task.sample(generator(seed), 2, 40) for seed in (0, 1))
    inputs = torch.cat([first.x, second.x]), torch.cat([first.y, second.y])
    assert inputs[0].flatten(0, 1).unique(dim=0).shape[0] > 120
    # A law is a linear map: equal class means, but for the images that were drawn; another law has others.
    other = Images(source="sample", projection=6).sample(generator(0), 2, 40)

    def means(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (y.T @ x) / y.sum(0)[:, None].clamp(min=1)

    mine, again = (means(batch.x.flatten(0, 1), batch.y.flatten(0, 1)) for batch in (first, second))
    theirs = means(other.x.flatten(0, 1), other.y.flatten(0, 1))
    assert (mine - again).norm() < 0.6 * (mine - theirs).norm()


def test_a_pool_has_as_many_laws_as_it_says() -> None:
    """Of the pixels all but a constant comes from the law, so tasks of one law have equal projections of one image."""
    for laws, fewest, most in ((3, 3, 3), (10_000, 55, 60)):
        task = Images(source="sample", projection=2, ways=3, distinct_laws=laws)
        drawn = torch.randint(laws, (60,), generator=generator())
        found = task._projections(generator(), drawn, 60)
        assert fewest <= len(found[:, :4].flatten(1).unique(dim=0)) <= most
        # A law is what its number makes of it, whatever is drawn beside it.
        assert torch.equal(task._projections(generator(9), drawn[:1], 1), found[:1])


def test_hashed_numbers_are_uniform_and_laws_independent() -> None:
    """Moments of U(-1, 1) are 0, 1/3 and 1/5; correlations of 2^18 independent numbers have an sd of 2^-9."""
    numbers = uniform(torch.arange(6), 2**18).double()
    moments = torch.stack([numbers, numbers**2, numbers**4]).mean(-1)
    torch.testing.assert_close(
        moments, torch.tensor([[0.0], [1 / 3], [1 / 5]]).double().expand(3, 6), rtol=0, atol=5e-3
    )
    among = torch.cat([numbers, numbers.roll(1, 1), numbers.roll(64, 1)])
    assert (among.corrcoef() - torch.eye(18)).abs().max() < 5 * 2**-9
    assert numbers.abs().max() < 1 and numbers.unique().numel() > 0.9 * numbers.numel()
