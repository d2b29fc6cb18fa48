"""Real data: what is read is what was published, and what is missing is never replaced."""

import pytest
import torch

from iai.tasks import data
from iai.types import UserError

NAMES = tuple(data.DATASETS)
needs_data = pytest.mark.skipif(
    not all((data.root() / facts.torchvision / "raw").is_dir() for facts in data.DATASETS.values()),
    reason="IAI_DATA holds no full data sets",
)


@pytest.mark.parametrize("split", data.SPLITS)
@pytest.mark.parametrize("name", NAMES)
def test_sample_is_balanced(name: str, split: str) -> None:
    pixels, labels = data.images(name, split, "sample")
    assert pixels.shape == (1000, 28, 28) and pixels.dtype == torch.uint8
    assert labels.bincount().tolist() == [100] * 10
    assert pixels.flatten(1).unique(dim=0).shape[0] == 1000


def test_samples_are_small() -> None:
    folder = data.Path(data.__file__).parent / "samples"
    assert sum(file.stat().st_size for file in folder.glob("*.npz")) < 2e6


@needs_data
@pytest.mark.parametrize("split", data.SPLITS)
@pytest.mark.parametrize("name", NAMES)
def test_sample_is_the_first_hundred_of_each_class(name: str, split: str) -> None:
    pixels, labels = data.images(name, split, "full")
    first = torch.cat([(labels == c).nonzero()[:100, 0] for c in range(10)]).sort().values
    sample, sample_labels = data.images(name, split, "sample")
    assert torch.equal(sample, pixels[first]) and torch.equal(sample_labels, labels[first])


@needs_data
@pytest.mark.parametrize("name", NAMES)
def test_full_set_is_what_torchvision_reads(name: str) -> None:
    import torchvision.datasets

    kind = getattr(torchvision.datasets, data.dataset(name).torchvision)
    theirs = kind(data.root(), train=False)
    pixels, labels = data.images(name, "test")
    assert torch.equal(pixels, theirs.data) and torch.equal(labels, theirs.targets)


@needs_data
@pytest.mark.parametrize("name", NAMES)
def test_mean_and_sd_are_those_of_the_training_pixels(name: str) -> None:
    levels = torch.bincount(data.images(name, "train")[0].flatten(), minlength=256).double()
    values = torch.arange(256).double() / 255
    mean = (levels @ values) / levels.sum()
    sd = ((levels @ (values - mean).square()) / levels.sum()).sqrt()
    facts = data.dataset(name)
    assert mean.item() == pytest.approx(facts.mean, rel=1e-6)
    assert sd.item() == pytest.approx(facts.sd, rel=1e-6)


@needs_data
def test_download_leaves_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.urlopen", None)
    data.download("mnist")


def test_files_are_read_once() -> None:
    first, second = (data.images("mnist", "test", "sample")[0] for _ in range(2))
    assert first is second


@pytest.mark.parametrize("name", NAMES)
def test_missing_data_name_variable_folder_and_command(
    name: str, tmp_path: data.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAI_DATA", str(tmp_path))
    with pytest.raises(UserError) as error:
        data.images(name, "train")
    text = str(error.value)
    assert f"IAI_DATA={tmp_path}" in text and f"iai.tasks.data.download('{name}')" in text
    assert "\n" not in text


def test_damaged_file_is_refused(tmp_path: data.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAI_DATA", str(tmp_path))
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "t10k-images-idx3-ubyte").write_bytes(bytes(16 + 784 * 10_000))
    (raw / "t10k-labels-idx1-ubyte").write_bytes(bytes(8 + 10_000))
    with pytest.raises(UserError, match="not the published files of mnist; delete them"):
        data.images("mnist", "test")


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (("fashion_mnist", "test"), "fashion-mnist"),
        (("mnist", "tset"), "test"),
        (("mnist", "test", "ful"), "full"),
    ],
)
def test_unknown_names_get_the_near_match(arguments: tuple[str, ...], near: str) -> None:
    with pytest.raises(UserError, match=f"unknown .*: (did you mean|there is) {near}"):
        data.images(*arguments)


def test_identity_tells_parts_apart() -> None:
    parts = {data.identity(name, split, "sample") for name in NAMES for split in data.SPLITS}
    assert len(parts) == 4


@pytest.mark.parametrize("size", [0, 100, 100_000])
def test_a_packaged_sample_that_was_cut_is_refused(
    tmp_path: data.Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    whole = (data.Path(data.__file__).parent / "samples" / "mnist.npz").read_bytes()
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "mnist.npz").write_bytes(whole[:size])
    monkeypatch.setattr(data, "__file__", str(tmp_path / "data.py"))
    data._sample.cache_clear()
    with pytest.raises(UserError, match=r"mnist\.npz is damaged .*: install iai again"):
        data.images("mnist", "train", "sample")
