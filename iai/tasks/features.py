"""Classification of image features: a task hides which classes it is about, and which label means which."""

from functools import cache
from typing import Annotated, ClassVar, Literal

import torch
from torch.nn.functional import embedding

from iai.fields import Bounds, Size, config
from iai.tasks import data
from iai.tasks.classes import Labelled, Pool, Split, draw, pick, pool
from iai.tasks.data import FEATURES, FeatureSet
from iai.types import Batch

Classes = Literal["train", "validation", "held-out", "all"]
PARTS: tuple[Classes, ...] = ("train", "train", "train", "validation", "held-out")
"""The part that a class belongs to, by its number in its set modulo 5."""


@config
class Features(Labelled):
    """A task draws `ways` classes of a feature set at random, and labels them in a random order.

    Of five classes in turn three are for "train", one is for "validation", where settings are chosen, and one is
    "held-out". Examples are split as those of `Images`. The 256 features have RMS 1 on Tiny-ImageNet and about 0.95 on
    CIFAR, whose mean is not 0 either; with `projection` they are x P / 16, with a P ~ N(0, 1) of 256 x `projection`
    for each task. `source` is "full" (a file in IAI_DATA) or "sample" (of packaged images: see `data.features`).
    """

    dataset: str = "tiny-imagenet"
    split: Split = "train"
    classes: Classes = "train"
    ways: Annotated[int, Bounds(2)] = 10
    projection: Size | None = None
    source: data.Source = "full"

    file: ClassVar[str] = "features"
    """The part of the data whose hash is recorded."""

    @property
    def dx(self) -> int:
        return FEATURES if self.projection is None else self.projection

    def sample(self, generator: torch.Generator, tasks: int, points: int) -> Batch:
        """Features of distinct images, x `tasks points dx` and one-hot labels `tasks points ways`.

        Raises `UserError` where there is no such set, or it has too few classes, or too few images of them.
        """
        examples = _pool(self, data.features(self.dataset, self.source), generator.device)
        chance = torch.rand(tasks, len(examples.sizes), generator=generator, device=generator.device)
        index, y = draw(examples, generator, pick(examples, chance, self.ways), points)
        x = embedding(index, examples.values).to(y.dtype)
        if self.projection is not None:
            normal = torch.randn(tasks, FEATURES, self.projection, generator=generator, device=generator.device)
            x = x @ (normal / FEATURES**0.5)
        return Batch(x, y)


@cache
def _pool(task: Features, found: FeatureSet, device: torch.device) -> Pool:
    x, y = (found.x_test, found.y_test) if task.split == "test" else (found.x_train, found.y_train)
    chosen = [c for c in range(len(found.classes)) if task.classes in ("all", PARTS[c % 5])]
    name = f"{task.dataset} ({task.source}, {task.split}, {task.classes} classes)"
    return pool(name, x, y, chosen, task.split, device)
