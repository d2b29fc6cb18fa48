"""Real data sets: where they are found, how they are checked, and how they are loaded.

Full data lie in the folder that `IAI_DATA` names (default ~/.cache/iai), in torchvision's own layout. A small sample of
each data set ships with the package. Features of images are files that `python tools/extract.py` makes there.
"""

import hashlib
import io
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float16, Int64, UInt8
from torch import Tensor

from iai.fields import checked, unknown
from iai.types import UserError

SPLITS = ("train", "test")
Source = Literal["full", "sample"]
"""`full`: all images, from `IAI_DATA`; `sample`: the first 100 of each class and part, from the package."""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set of 28 x 28 grey images in 10 classes, which torchvision has under a name of its own.

    `mean` and `sd` are those of all training pixels, scaled to [0, 1]; `train` and `test` are the published contents:
    a hash of the hashes of the part's two files, images and labels.
    """

    torchvision: str
    mean: float
    sd: float
    train: str
    test: str


DATASETS = {
    "mnist": DataSet(
        torchvision="MNIST",
        mean=0.13066047627384283,
        sd=0.3081078039450204,
        train="sha256:02def62d38696cddf2715e05122f741fafee2c190e42772b91f7c0c2f6604c7e",
        test="sha256:fc4ad2928469b062b04de83eeb03d9a9368e93e5c0fa488affd0729f7e16c3ec",
    ),
    "fashion-mnist": DataSet(
        torchvision="FashionMNIST",
        mean=0.2860405969887955,
        sd=0.35302424457803794,
        train="sha256:38831b7b377c44db3c5cc3b7802535a9dc25ac041019251663e7898dbbe606bd",
        test="sha256:9aa0367667a8ef9c048b56cc573b9ef6c6203b35f70da12de533ddefab3f8cd4",
    ),
}


def folder(variable: str, default: str | Path) -> Path:
    """The folder that an environment variable names, or a default; ~ is the home folder."""
    return Path(os.path.expanduser(os.environ.get(variable) or default))  # noqa: PTH111 (no error without a home)


def root() -> Path:
    """The folder of the full data sets: `IAI_DATA`, or ~/.cache/iai."""
    return folder("IAI_DATA", "~/.cache/iai")


def download(*names: str) -> None:
    """Let torchvision download data sets (all by default) into `root()`, then check them."""
    import torchvision.datasets

    for name in names or tuple(DATASETS):
        for train in (True, False):
            getattr(torchvision.datasets, dataset(name).torchvision)(root(), train=train, download=True)
        for split in SPLITS:
            images(name, split, "full")


def dataset(name: str) -> DataSet:
    """The facts about a data set, by its name."""
    if name not in DATASETS:
        raise unknown("data set", name, DATASETS)
    return DATASETS[name]


def images(name: str, split: str, source: str = "full") -> tuple[UInt8[Tensor, "n 28 28"], Int64[Tensor, " n"]]:
    """Pixels and classes of one part of a data set, read and checked once a process.

    Raises `UserError` for an unknown name, and where the files are missing or are not the published ones.
    """
    return _part(name, split, source)[:2]


FEATURES = 256
"""Features of an image in every feature set."""


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Features of the images of both parts (RMS about 1), their classes by number and by name, and a hash of it all."""

    x_train: Float16[Tensor, "n 256"]
    y_train: Int64[Tensor, " n"]
    x_test: Float16[Tensor, "m 256"]
    y_test: Int64[Tensor, " m"]
    classes: tuple[str, ...]
    content: str


def features(name: str, source: str = "full") -> FeatureSet:
    """A feature set, read once a process: `features/<name>.npz` in IAI_DATA, or the "sample" of packaged images.

    A sample is named by image sets, as "mnist" or "mnist+fashion-mnist" (20 classes). Its features come from no
    network: they are the 16 x 16 lowest frequencies of the discrete cosine transform of the pixels, minus the mean of
    the training images and over one common scale. Raises `UserError` for an unknown set and a missing or damaged file.
    """
    checked("source", source, Source)
    return _frequencies(name) if source == "sample" else _features(root() / "features" / f"{name}.npz")


def identity(name: str, split: str, source: str = "full") -> str:
    """A hash of the content of one part of a data set, or of its "features", for records."""
    return features(name, source).content if split == "features" else _part(name, split, source)[2]


def _part(name: str, split: str, source: str) -> tuple[Tensor, Tensor, str]:
    """Pixels, classes and identity of one part of a data set."""
    dataset(name)
    if split not in SPLITS:
        raise unknown("part", split, SPLITS)
    checked("source", source, Source)
    return _sample(name, split) if source == "sample" else _full(name, split, root())


@cache
def _sample(name: str, split: str) -> tuple[Tensor, Tensor, str]:
    path = Path(__file__).parent / "samples" / f"{name}.npz"
    try:
        read = arrays(path.read_bytes(), f"{split}_images", f"{split}_labels")
        pixels, labels = map(torch.from_numpy, read)
        _check_labels(pixels, labels, classes=10)
    except (OSError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}): install iai again") from error
    return pixels, labels.long(), _digest(b"".join(array.tobytes() for array in read))


@cache
def _full(name: str, split: str, folder: Path) -> tuple[Tensor, Tensor, str]:
    from torchvision.datasets.mnist import read_image_file, read_label_file

    prefix = folder / DATASETS[name].torchvision / "raw" / {"train": "train", "test": "t10k"}[split]
    files = [Path(f"{prefix}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")]
    command = f"""python -c "import iai.tasks.data; iai.tasks.data.download('{name}')\""""
    hashes = [hashlib.sha256(_read(path, name, command)).hexdigest() for path in files]
    content = _digest("".join(hashes).encode())
    if content != getattr(DATASETS[name], split):
        raise UserError(f"{prefix}-* are not the published files of {name}; delete them and run: {command}")
    return read_image_file(files[0]), read_label_file(files[1]), content


@cache
def _features(path: Path) -> FeatureSet:
    command = f"python tools/extract.py IMAGES {path.stem} --projection projection.npz"
    content = _read(path, f"features of {path.stem}", command)
    try:
        *parts, names = arrays(content, *(f"{kind}_{split}" for kind in "xy" for split in SPLITS), "classes")
        x, y = [torch.from_numpy(part).half() for part in parts[:2]], [torch.from_numpy(part) for part in parts[2:]]
        classes = tuple(map(str, names.reshape(-1)))
        for features, labels in zip(x, y):
            _check_labels(features, labels, len(classes))
            if features.shape[1:] != (FEATURES,):
                raise ValueError(f"it has vectors of {features.shape[-1]}, not of {FEATURES}")
    except (TypeError, ValueError) as error:
        raise UserError(f"{path} is no feature file ({error}); delete it and run: {command}") from error
    y = [labels.long() for labels in y]
    return FeatureSet(x[0], y[0], x[1], y[1], classes, _digest(content))


def arrays(content: bytes, *names: str) -> list[Any]:
    """Arrays of an npz file; `ValueError` if it is none, lacks one, or one is not of numbers or text."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return [np.asarray(file[name], order="C") for name in names]
    except Exception as error:  # numpy, zipfile and zlib have many words for a damaged file
        raise ValueError(" ".join(f"{type(error).__name__} {error}".split())) from error


def _check_labels(x: Tensor, y: Tensor, classes: int) -> None:
    """`ValueError` unless all inputs are finite, and each has one of the classes."""
    if y.shape != x.shape[:1] or not len(y):
        raise ValueError(f"{len(x)} inputs and labels of shape {tuple(y.shape)}")
    if y.is_floating_point() or not 0 <= y.min() <= y.max() < classes or not x.isfinite().all():
        raise ValueError(f"inputs that are not finite, or labels that are not all in 0 to {classes - 1}")


def _read(path: Path, what: str, command: str) -> bytes:
    """The content of a file in IAI_DATA; a `UserError` with the command that makes the file where it is missing."""
    if path.is_file():
        return path.read_bytes()
    where = f"in IAI_DATA={root()} ({path} is missing); set IAI_DATA to its folder"
    raise UserError(f"no {what} {where}, or run: {command}")


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@cache
def _frequencies(name: str) -> FeatureSet:
    names = name.split("+")
    parts = [[images(one, split, "sample") for one in names] for split in SPLITS]
    wave = (torch.from_numpy(np.outer(np.arange(16), np.arange(28) + 0.5)) * torch.pi / 28).cos()
    wave[0] /= 2**0.5
    low = [(wave @ torch.cat([x for x, _ in part]).double() @ wave.T).flatten(1) for part in parts]
    x = [features - low[0].mean(0) for features in low]
    x = [(features / x[0].square().mean().sqrt()).half() for features in x]
    y = [torch.cat([labels + 10 * i for i, (_, labels) in enumerate(part)]) for part in parts]
    classes = tuple(f"{one} {label}" for one in names for label in range(10))
    content = "".join(identity(one, split, "sample") for split in SPLITS for one in names)
    return FeatureSet(x[0], y[0], x[1], y[1], classes, _digest(content.encode()))
