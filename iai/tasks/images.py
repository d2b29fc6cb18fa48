"""Image classification: a task hides which class is which, how the pixels are arranged, or both."""

from functools import cache
from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn.functional import embedding

from iai.fields import Bounds, Size, config, recorded
from iai.tasks import data
from iai.tasks.classes import Labelled, Pool, Split, draw, pick, pool
from iai.types import Batch

CLASSES = 10
PIXELS = 28 * 28
LAWS = 1_700_000_000
"""Seed of the first law of a finite pool of tasks."""


@config
class Images(Labelled):
    """A task draws `ways` of the 10 classes of a data set, then its law hides the rest.

    law "permutation": the classes get labels in a random order. "projection": standardised pixels x become
    x P / 28 with a P ~ N(0, 1) of 784 x `projection` for each task, so features have RMS 1. "both": both.
    Tasks of the split "test" have test images. Of the training images the last sixth of each class is set aside
    for "validation", where settings are chosen; "train" has the others. `source` is "full" (in IAI_DATA) or "sample"
    (packaged). With `distinct_laws` a task takes one of so many fixed laws, and new images of its classes; CPU and CUDA
    draw other laws from the same seed, so judge seen laws on the device that trained.
    """

    dataset: str = "mnist"
    split: Split = "train"
    law: Literal["permutation", "projection", "both"] = "both"
    projection: Size = 64
    ways: Annotated[int, Bounds(2, CLASSES)] = CLASSES
    source: Literal["full", "sample"] = "full"
    distinct_laws: Size | None = recorded(default=None, omitted=True)

    def __post_init__(self) -> None:
        data.dataset(self.dataset)

    @property
    def dx(self) -> int:
        return PIXELS if self.law == "permutation" else self.projection

    @property
    def file(self) -> Literal["train", "test"]:
        """The published part that the images come from."""
        return "test" if self.split == "test" else "train"

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        """Distinct images of new tasks, x `tasks points dx` and one-hot labels `tasks points ways`.

        Raises `UserError` where a task could ask for more images than its classes have.
        """
        images = _pool(self.dataset, self.split, self.source, generator.device)
        laws, ordered = self._laws(generator, tasks), self.law == "projection"
        classes = torch.cat([pick(images, law, count, self.ways, ordered) for law, count in laws])
        index, y = draw(images, generator, classes, points)
        return Batch(self._inputs(laws, embedding(index, images.values)), y)

    def _laws(self, generator: torch.Generator, tasks: int) -> list[tuple[torch.Generator, int]]:
        """Generators of the laws of tasks, each with the number of tasks that it is for."""
        if self.distinct_laws is None:
            return [(generator, tasks)]
        device = generator.device
        chosen = torch.randint(self.distinct_laws, (tasks,), generator=generator, device=device)
        return [(torch.Generator(device).manual_seed(LAWS + law), 1) for law in chosen.tolist()]

    def _inputs(self, laws: list[tuple[torch.Generator, int]], pixels: Tensor) -> Tensor:
        """Standardise pixels of 0 ... 255, `tasks n 784`, with the data set's mean and sd, and project them."""
        facts = data.dataset(self.dataset)
        mean, sd = 255 * facts.mean, 255 * facts.sd
        if self.law == "permutation":
            return pixels.to(torch.get_default_dtype()).sub_(mean).div_(sd)
        shape = (PIXELS, self.projection)
        drawn = [torch.randn(n, *shape, generator=law, device=law.device) for law, n in laws]
        matrix = torch.cat(drawn) / (28 * sd)
        # Some points at a time: a float copy of all pixels would cost more than the product.
        projected = torch.cat([some.to(matrix.dtype) @ matrix for some in pixels.split(128, dim=1)], dim=1)
        return projected - mean * matrix.sum(dim=1, keepdim=True)


@cache
def _pool(dataset: str, split: Split, source: str, device: torch.device) -> Pool:
    pixels, labels = data.images(dataset, "test" if split == "test" else "train", source)
    name = f"{dataset} ({source}, {split})"
    return pool(name, pixels.reshape(-1, PIXELS), labels, list(range(CLASSES)), split, device)
