"""Image classification: a task hides which class is which, how the pixels are arranged, or both."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import embedding, one_hot

from iai import data
from iai.types import Batch, UserError

Split = Literal["train", "validation", "test"]

CLASSES = 10
PIXELS = 28 * 28


@dataclass(frozen=True, kw_only=True)
class Images:
    """A task draws `ways` of the 10 classes of a data set, then its law hides the rest.

    law "permutation": the classes get labels in a random order. "projection": standardised pixels x become
    x P / 28 with a P ~ N(0, 1) of 784 x `projection` for each task, so features have RMS 1. "both": both.
    Tasks of the split "test" have test images. Of the training images the last sixth of each class is set aside
    for "validation", where settings are chosen; "train" has the others. `source` is "full" (in IAI_DATA) or "sample"
    (packaged).
    """

    dataset: str = "mnist"
    split: Split = "train"
    law: Literal["permutation", "projection", "both"] = "both"
    projection: int = 64
    ways: int = CLASSES
    source: Literal["full", "sample"] = "full"

    loss: ClassVar[str] = "cross_entropy"

    def __post_init__(self) -> None:
        data.dataset(self.dataset)
        if not 2 <= self.ways <= CLASSES:
            raise UserError(f"ways = {self.ways}: a task has 2 to {CLASSES} classes")

    @property
    def dx(self) -> int:
        """Features of an input: all pixels, or their projections."""
        return PIXELS if self.law == "permutation" else self.projection

    @property
    def file(self) -> Literal["train", "test"]:
        """The published part that the images come from."""
        return "test" if self.split == "test" else "train"

    @property
    def dy(self) -> int:
        """Classes of a task."""
        return self.ways

    @property
    def y_scale(self) -> float:
        """RMS of one entry of a one-hot label."""
        return self.ways**-0.5

    @property
    def theta_shape(self) -> tuple[int, int]:
        """Slots and width of theta: for each class its weights, then its bias."""
        return (self.ways, self.dx + 1)

    def decode(self, x: Float[Tensor, "n dx"], theta: Float[Tensor, "slots width"]) -> Float[Tensor, "n dy"]:
        """The known likelihood of one task: the logits of a linear softmax."""
        rows = theta.reshape(self.ways, self.dx + 1)
        return x @ rows[:, :-1].T + rows[:, -1]

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        """Distinct images of new tasks, x `tasks points dx` and one-hot labels `tasks points ways`.

        Raises `UserError` where a task could ask for more images than its classes have.
        """
        pool = _pool(self.dataset, self.split, self.source, generator.device)
        available = sum(sorted(pool.sizes)[: self.ways])
        if points > available:
            part = f"{self.dataset} ({self.source}, {self.split})"
            raise UserError(f"{points} images a task, but {part} may have only {available}; ask for fewer")
        device = generator.device
        shuffled = torch.rand(tasks, CLASSES, generator=generator, device=device).argsort(dim=1)
        classes = shuffled[:, : self.ways]
        if self.law == "projection":
            classes = classes.sort(dim=1).values
        ends = pool.counts[classes].cumsum(dim=1)
        place = distinct(generator, ends[:, -1:], points)
        label = torch.searchsorted(ends, place, right=True)
        # A place counts through the images of the task's classes, one class after another, as the pool does.
        index = pool.ends[classes.gather(1, label)] + place - ends.gather(1, label)
        y = one_hot(label, self.ways).float()
        return Batch(self._inputs(generator, embedding(index, pool.pixels)), y)

    def _inputs(
        self, generator: torch.Generator, pixels: UInt8[Tensor, "tasks n 784"]
    ) -> Float[Tensor, "tasks n dx"]:
        """Standardise pixels of 0 ... 255 with the data set's mean and sd, and project, in one product."""
        facts = data.dataset(self.dataset)
        mean, sd = 255 * facts.mean, 255 * facts.sd
        if self.law == "permutation":
            return pixels.float().sub_(mean).div_(sd)
        shape = (pixels.shape[0], PIXELS, self.projection)
        matrix = torch.randn(shape, generator=generator, device=generator.device) / (28 * sd)
        # Some points at a time: a float copy of all pixels would cost more than the product.
        projected = torch.cat([some.float() @ matrix for some in pixels.split(128, dim=1)], dim=1)
        return projected - mean * matrix.sum(dim=1, keepdim=True)


@dataclass(frozen=True)
class Pool:
    """One part of a data set on one device, sorted by class: images a class, and where each class ends."""

    pixels: UInt8[Tensor, "n 784"]
    counts: Int64[Tensor, "10"]
    ends: Int64[Tensor, "10"]
    sizes: tuple[int, ...]


@cache
def _pool(dataset: str, split: Split, source: str, device: torch.device) -> Pool:
    pixels, labels = data.images(dataset, "test" if split == "test" else "train", source)
    order = torch.cat([members(labels, label, split) for label in range(CLASSES)])
    counts = labels[order].bincount(minlength=CLASSES)
    by_class = pixels.reshape(-1, PIXELS)[order]
    return Pool(by_class.to(device), counts.to(device), counts.cumsum(0).to(device), tuple(counts.tolist()))


def members(labels: Int64[Tensor, " n"], label: int, split: Split) -> Int64[Tensor, " m"]:
    """Where the images of one class are that belong to a split: of training images the last sixth is validation."""
    found = (labels == label).nonzero()[:, 0]
    kept = len(found) * 5 // 6
    return {"train": found[:kept], "validation": found[kept:], "test": found}[split]


def distinct(
    generator: torch.Generator, sizes: Int64[Tensor, "tasks 1"], points: int, rounds: int = 20
) -> Int64[Tensor, "tasks points"]:
    """`points` distinct integers of 0 ... size - 1 for each task, in random order, in O(points) operations.

    The first entries of a random permutation by "swap or not" (Hoang, Morris, Rogaway 2012): each round pairs
    u with key - u modulo size, and swaps a pair or not by a hash of its larger member. A place stays where it
    was, and so is not uniform, with probability 2^-rounds.
    """
    tasks, device = sizes.shape[0], sizes.device
    keys = torch.rand(rounds, tasks, 1, generator=generator, device=device)
    salts = torch.randint(2**62, (rounds, tasks, 1), generator=generator, device=device)
    place = torch.arange(points, device=device).expand(tasks, points)
    for key, salt in zip((keys * sizes).long(), salts, strict=True):
        partner = (key - place) % sizes
        mixed = (torch.maximum(place, partner) ^ salt) * 0x2545F4914F6CDD1D
        mixed = (mixed ^ (mixed >> 29)) * 0x1B03738712FAD5C9
        place = torch.where((mixed >> 40) & 1 == 1, partner, place)
    return place
