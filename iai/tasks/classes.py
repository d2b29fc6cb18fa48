"""What tasks of labelled examples share: a pool sorted by class, distinct draws, a linear softmax."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor
from torch.nn.functional import one_hot

from iai.types import KnownTask, UserError

Split = Literal["train", "validation", "test"]


class Labelled(KnownTask):
    """A task of examples in `ways` classes, with a linear softmax as its known likelihood."""

    ways: int
    loss: ClassVar[str] = "cross_entropy"

    @property
    def dy(self) -> int:
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
        """The known likelihood of one task: the logits of a linear softmax, for theta in any shape."""
        rows = theta.reshape(self.ways, x.shape[-1] + 1)
        return x @ rows[:, :-1].T + rows[:, -1]


@dataclass(frozen=True)
class Pool:
    """Examples on one device, sorted by class; how many each class has, and the place where it ends."""

    name: str
    values: Shaped[Tensor, "n features"]
    counts: Int64[Tensor, " classes"]
    ends: Int64[Tensor, " classes"]
    sizes: tuple[int, ...]


def pool(name: str, values: Tensor, labels: Tensor, chosen: list[int], split: Split, device: torch.device) -> Pool:
    """The examples of a split, from values `n features` and labels `n`, of the chosen classes; errors name them `name`.

    Of the training examples of a class the last sixth is for validation.
    """
    parts = []
    for label in chosen:
        found = (labels == label).nonzero()[:, 0]
        kept = len(found) * 5 // 6
        parts.append({"train": found[:kept], "validation": found[kept:], "test": found}[split])
    sizes = tuple(map(len, parts))
    counts = torch.tensor(sizes, device=device)
    return Pool(name, values[torch.cat(parts)].to(device), counts, counts.cumsum(0), sizes)


def pick(
    pool: Pool, chance: Float[Tensor, "tasks classes"], ways: int, ordered: bool = False
) -> Int64[Tensor, "tasks ways"]:
    """`ways` random classes a task, those of least `chance`: in its order, or in the pool's if `ordered`.

    Raises `UserError` where the pool has fewer.
    """
    if ways > len(pool.sizes):
        raise UserError(f"ways = {ways}, but {pool.name} has {len(pool.sizes)} classes; ask for fewer")
    classes = chance.argsort(dim=1)[:, :ways]
    return classes.sort(dim=1).values if ordered else classes


def draw(
    pool: Pool, generator: torch.Generator, classes: Int64[Tensor, "tasks ways"], points: int
) -> tuple[Int64[Tensor, "tasks points"], Float[Tensor, "tasks points ways"]]:
    """Distinct examples of the classes of each task, as places in a pool, and their one-hot labels.

    Raises `UserError` where a task could ask for more images than its classes have.
    """
    ways = classes.shape[1]
    available = sum(sorted(pool.sizes)[:ways])
    if points > available:
        raise UserError(f"{points} images a task, but {pool.name} may have only {available}; ask for fewer")
    ends = pool.counts[classes].cumsum(dim=1)
    place = distinct(generator, ends[:, -1:], points)
    label = torch.searchsorted(ends, place, right=True)
    # A place counts through the images of the task's classes, one class after another, as the pool does.
    index = pool.ends[classes.gather(1, label)] + place - ends.gather(1, label)
    return index, one_hot(label, ways).to(torch.get_default_dtype())


def distinct(generator: torch.Generator, sizes: Int64[Tensor, "tasks 1"], points: int) -> Int64[Tensor, "tasks points"]:
    """`points` distinct integers of 0 ... size - 1 for each task, in random order, in O(points) operations.

    The first entries of a random permutation by "swap or not" (Hoang, Morris, Rogaway 2012): each round pairs
    u with key - u modulo size, and swaps a pair or not by a hash of its larger member. A place stays where it
    was, and so is not uniform, with probability 2^-20.
    """
    tasks, device = sizes.shape[0], sizes.device
    keys = torch.rand(20, tasks, 1, generator=generator, device=device)
    salts = torch.randint(2**62, (20, tasks, 1), generator=generator, device=device)
    place = torch.arange(points, device=device).expand(tasks, points)
    for key, salt in zip((keys * sizes).long(), salts, strict=True):
        partner = (key - place) % sizes
        place = torch.where((mixed(torch.maximum(place, partner) ^ salt) >> 40) & 1 == 1, partner, place)
    return place


def mixed(numbers: Int64[Tensor, "*shape"]) -> Int64[Tensor, "*shape"]:
    """A hash of integers, of which the bits from 40 on are random."""
    product = numbers * 0x2545F4914F6CDD1D
    return (product ^ (product >> 29)) * 0x1B03738712FAD5C9


def uniform(key: Int64[Tensor, " tasks"], count: int) -> Float[Tensor, "tasks count"]:
    """`count` numbers of U(-1, 1), odd multiples of 2^-24, that are a function of each key below 2^31 alone.

    The same on every device, drawn without waiting for it, and without the state that a generator has.
    """
    places = mixed((key[:, None] << 32) + torch.arange(count, device=key.device))
    odd = 2 * ((mixed(places) >> 40) & (2**24 - 1)) + 1 - 2**24
    return odd / 2**24
