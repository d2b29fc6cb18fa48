"""Real data sets: where they are found, how they are checked, and how they are loaded.

Full data lie in the folder that `IAI_DATA` names (default ~/.cache/iai), as torchvision's own classes write
them, so a download by torchvision and a folder filled by hand are the same thing. A small sample of each data
set ships with the package.
"""

import hashlib
import os
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
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


def images(
    name: str, split: str, source: str = "full"
) -> tuple[UInt8[Tensor, "n 28 28"], Int64[Tensor, " n"]]:
    """Pixels and classes of one part of a data set, read and checked once a process.

    Raises `UserError` for an unknown name, and where the files are missing or are not the published ones.
    """
    dataset(name)
    _check("part", split, SPLITS)
    _check("source", source, SOURCES)
    pixels, labels, _ = _sample(name, split) if source == "sample" else _full(name, split, root())
    return pixels, labels


def identity(name: str, split: str, source: str = "full") -> str:
    """A hash of the content of one part of a data set, for records."""
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
    fix = f"""run: python -c "import iai.data; iai.data.download('{name}')\""""
    if not path.is_file():
        raise UserError(
            f"no {name} in IAI_DATA={folder} ({path} is missing); set IAI_DATA to its folder, or {fix}"
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != DATASETS[name].sha256[file]:
        raise UserError(f"{path} is not the published file of {name}; delete it and {fix}")
    header = 16 if "idx3" in file else 8
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=header)


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        near = get_close_matches(value, known, n=1) or list(known)
        raise UserError(f"unknown {what} {value!r}; try {' or '.join(map(repr, near))}")
