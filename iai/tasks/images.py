"""Image classification: a task hides which class is which, how the pixels are arranged, or both."""

from functools import cache
from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn.functional import embedding

from iai.fields import Bounds, Size, config, recorded
from iai.tasks import data
from iai.tasks.classes import Labelled, Pool, Split, draw, pick, pool, uniform
from iai.types import Batch

CLASSES = 10
PIXELS = 28 * 28


@config
class Images(Labelled):
    """A task draws `ways` of the 10 classes of a data set, then its law hides the rest.

    law "permutation": the classes get labels in a random order. "projection": standardised pixels x become
    x P / 28 with a P ~ N(0, 1) of 784 x `projection` for each task, so features have RMS 1. "both": both.
    Tasks of the split "test" have test images. The last sixth of the training images of each class is for "validation",
    where settings are chosen; "train" has the others. `source` is "full" (in IAI_DATA) or "sample" (packaged).
    With `distinct_laws` a task takes one of so many fixed laws, the same on every device, and new images.
    """

    dataset: str = "mnist"
    split: Split = "train"
    law: Literal["permutation", "projection", "both"] = "both"
    projection: Size = 64
    ways: Annotated[int, Bounds(2, CLASSES)] = CLASSES
    source: data.Source = "full"
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
        law, device, shape = None, generator.device, (tasks, len(images.sizes))
        if self.distinct_laws is not None:
            law = torch.randint(self.distinct_laws, (tasks,), generator=generator, device=device)
        chance = torch.rand(shape, generator=generator, device=device) if law is None else uniform(law, CLASSES)
        index, y = draw(images, generator, pick(images, chance, self.ways, self.law == "projection"), points)
        return Batch(self._inputs((generator, law), embedding(index, images.values)), y)

    def _inputs(self, laws: tuple[torch.Generator, Tensor | None], pixels: Tensor) -> Tensor:
        """Standardise pixels of 0 ... 255, `tasks n 784`, with the data set's mean and sd, and project them."""
        facts = data.dataset(self.dataset)
        mean, sd = 255 * facts.mean, 255 * facts.sd
        if self.law == "permutation":
            return pixels.to(torch.get_default_dtype()).sub_(mean).div_(sd)
        matrix = self._projections(*laws, len(pixels)) / (28 * sd)
        # Some points at a time: a float copy of all pixels would cost more than the product.
        projected = torch.cat([some.to(matrix.dtype) @ matrix for some in pixels.split(128, dim=1)], dim=1)
        return projected - mean * matrix.sum(dim=1, keepdim=True)

    def _projections(self, generator: torch.Generator, law: Tensor | None, tasks: int) -> Tensor:
        """P ~ N(0, 1) of each task, `tasks 784 projection`: a new one, or that of its law."""
        shape = (tasks, PIXELS, self.projection)
        if law is None:
            return torch.randn(shape, generator=generator, device=generator.device)
        # The first numbers of a law are its order of labels.
        return 2**0.5 * uniform(law, CLASSES + shape[1] * shape[2])[:, CLASSES:].erfinv().view(shape)


@cache
def _pool(dataset: str, split: Split, source: str, device: torch.device) -> Pool:
    pixels, labels = data.images(dataset, "test" if split == "test" else "train", source)
    name = f"{dataset} ({source}, {split})"
    return pool(name, pixels.reshape(-1, PIXELS), labels, list(range(CLASSES)), split, device)
