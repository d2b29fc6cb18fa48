"""Real data sets: where they are found, how they are checked, and how they are loaded.

Full data lie in the folder that `IAI_DATA` names (default ~/.cache/iai), as torchvision's own classes write
them, so a download by torchvision and a folder filled by hand are the same thing. A small sample of each data
set ships with the package. Features of images are files that `python tools/extract.py` makes there.
"""

import hashlib
import io
import os
import zipfile
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float16, Int64, UInt8
from torch import Tensor

from iai.types import UserError

SPLITS = ("train", "test")
SOURCES = ("full", "sample")
"""`full`: all images, from `IAI_DATA`; `sample`: the first 100 of each class and part, from the package."""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set of 28 x 28 grey images in 10 classes, as torchvision knows it.

    `mean` and `sd` are those of all training pixels, scaled to [0, 1]; `sha256` those of the four raw files.
    """

    torchvision: str
    mean: float
    sd: float
    sha256: dict[str, str]


DATASETS = {
    "mnist": DataSet(
        torchvision="MNIST",
        mean=0.13066047627384283,
        sd=0.3081078039450204,
        sha256={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
    "fashion-mnist": DataSet(
        torchvision="FashionMNIST",
        mean=0.2860405969887955,
        sd=0.35302424457803794,
        sha256={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
    ),
}


def root() -> Path:
    """The folder of the full data sets: `IAI_DATA`, or ~/.cache/iai."""
    return Path(os.environ.get("IAI_DATA") or "~/.cache/iai").expanduser()


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
    _check("data set", name, tuple(DATASETS))
    return DATASETS[name]


def images(name: str, split: str, source: str = "full") -> tuple[UInt8[Tensor, "n 28 28"], Int64[Tensor, " n"]]:
    """Pixels and classes of one part of a data set, read and checked once a process.

    Raises `UserError` for an unknown name, and where the files are missing or are not the published ones.
    """
    dataset(name)
    _check("part", split, SPLITS)
    _check("source", source, SOURCES)
    pixels, labels, _ = _sample(name, split) if source == "sample" else _full(name, split, root())
    return pixels, labels


FEATURES = 256
"""Features of an image in every feature set."""


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Images of both parts as features of one scale (RMS about 1), their classes by number and name, and a hash."""

    x_train: Float16[Tensor, "n 256"]
    y_train: Int64[Tensor, " n"]
    x_test: Float16[Tensor, "m 256"]
    y_test: Int64[Tensor, " m"]
    classes: tuple[str, ...]
    content: str


def features(name: str, source: str = "full") -> FeatureSet:
    """A feature set, read once a process: `features/<name>.npz` in IAI_DATA, or the "sample" of packaged images.

    A sample is named by image sets, as "mnist" or "mnist+fashion-mnist" (20 classes), and its features are those of
    no network: the 16 x 16 lowest frequencies of the discrete cosine transform of the pixels, less the mean of the
    training images and over one common scale. Raises `UserError` where there is no such set, or no such file.
    """
    _check("source", source, SOURCES)
    return _frequencies(name) if source == "sample" else _features(root() / "features" / f"{name}.npz")


def identity(name: str, split: str, source: str = "full") -> str:
    """A hash of the content of one part of a data set, or of its "features", for records."""
    if split == "features":
        return features(name, source).content
    images(name, split, source)
    return (_sample(name, split) if source == "sample" else _full(name, split, root()))[2]


@cache
def _sample(name: str, split: str) -> tuple[Tensor, Tensor, str]:
    with np.load(Path(__file__).parent / "samples" / f"{name}.npz", allow_pickle=False) as arrays:
        pixels, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    content = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
    return torch.from_numpy(pixels), torch.from_numpy(labels).long(), f"sha256:{content}"


@cache
def _full(name: str, split: str, folder: Path) -> tuple[Tensor, Tensor, str]:
    part = "train" if split == "train" else "t10k"
    pixels = _read(name, f"{part}-images-idx3-ubyte", folder)
    labels = _read(name, f"{part}-labels-idx1-ubyte", folder)
    hashes = [DATASETS[name].sha256[f"{part}-{kind}"] for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    content = hashlib.sha256("".join(hashes).encode()).hexdigest()
    return pixels.reshape(-1, 28, 28), labels.long(), f"sha256:{content}"


def _read(name: str, file: str, folder: Path) -> Tensor:
    """The bytes of an idx file after its header of 4 bytes and 4 for every axis."""
    path = folder / DATASETS[name].torchvision / "raw" / file
    fix = f"""run: python -c "import iai.tasks.data; iai.tasks.data.download('{name}')\""""
    if not path.is_file():
        raise UserError(f"no {name} in IAI_DATA={folder} ({path} is missing); set IAI_DATA to its folder, or {fix}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != DATASETS[name].sha256[file]:
        raise UserError(f"{path} is not the published file of {name}; delete it and {fix}")
    header = 16 if "idx3" in file else 8
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=header)


@cache
def _features(path: Path) -> FeatureSet:
    command = f"python tools/extract.py IMAGES {path.stem} --projection projection.npz"
    if not path.is_file():
        raise UserError(
            f"no features of {path.stem} in IAI_DATA={root()} ({path} is missing); set IAI_DATA to its folder, or"
            f" run: {command}"
        )
    content = path.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            x = [torch.from_numpy(arrays[f"x_{split}"]).half() for split in SPLITS]
            y = [torch.from_numpy(arrays[f"y_{split}"]).long() for split in SPLITS]
            classes = tuple(map(str, arrays["classes"]))
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is no feature file ({error}); delete it and run: {command}") from error
    if {part.shape[1:] for part in x} != {(FEATURES,)}:
        raise UserError(f"{path} has vectors of {x[0].shape[-1]}, not of {FEATURES}; run: {command}")
    return FeatureSet(x[0], y[0], x[1], y[1], classes, f"sha256:{hashlib.sha256(content).hexdigest()}")


@cache
def _frequencies(name: str) -> FeatureSet:
    names = name.split("+")
    parts = [[images(one, split, "sample") for one in names] for split in SPLITS]
    wave = (torch.outer(torch.arange(16), torch.arange(28) + 0.5).double() * torch.pi / 28).cos()
    wave[0] /= 2**0.5
    low = [wave @ torch.cat([pixels for pixels, _ in part]).double() @ wave.T for part in parts]
    x_train, x_test = (x.flatten(1) - low[0].flatten(1).mean(0) for x in low)
    y_train, y_test = (torch.cat([y + 10 * i for i, (_, y) in enumerate(part)]) for part in parts)
    scale = x_train.square().mean().sqrt()
    classes = tuple(f"{one} {label}" for one in names for label in range(10))
    content = "".join(identity(one, split, "sample") for split in SPLITS for one in names)
    digest = f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
    return FeatureSet((x_train / scale).half(), y_train, (x_test / scale).half(), y_test, classes, digest)


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        near = get_close_matches(value, known, n=1) or list(known)
        raise UserError(f"unknown {what} {value!r}; try {' or '.join(map(repr, near))}")
