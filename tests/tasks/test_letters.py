"""Letters: points lie uniformly inside their glyphs, holes stay empty, and splits share no letter."""

import math
import string

import pytest
import torch

from iai.tasks import Letters
from iai.tasks.letters import CELLS, FONTS, HALF, LETTERS, glyphs, outlined, turned


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def glyph(letter: str, font: str = "DejaVuSans", angle: float = 0.0) -> torch.Tensor:
    """theta of one training task."""
    place = LETTERS["train"].index(letter) * len(FONTS) + FONTS.index(font)
    return torch.tensor([[[float(place), angle]]])


def test_splits_are_24_letters_x_and_y() -> None:
    assert "".join(sorted("".join(LETTERS.values()))) == string.ascii_uppercase
    assert [len(letters) for letters in LETTERS.values()] == [24, 1, 1]


def test_points_lie_inside_the_outline_up_to_a_cell() -> None:
    z = Letters().points(generator(), glyph("A"), 4000)[0]
    cell = 2 * HALF / CELLS
    centres = ((z / cell).floor() + 0.5) * cell
    assert outlined("A", "DejaVuSans", centres).all()
    assert outlined("A", "DejaVuSans", z).float().mean() > 0.95


def test_an_a_and_an_o_have_a_hole_and_an_i_has_none() -> None:
    middle = torch.zeros(1, 2)
    assert not outlined("O", "DejaVuSerif", middle).item() and outlined("I", "DejaVuSerif", middle).item()
    hole = torch.tensor([[0.0, 0.3]])
    assert not outlined("A", "DejaVuSans", hole).item()


def test_points_are_uniform_over_the_cells() -> None:
    """Counts of a multinomial law: chi^2 has a mean of the cells - 1, and a variance of twice that."""
    cells, sizes = glyphs("train")
    theta = glyph("L")
    row = int(theta[0, 0, 0])
    count = int(sizes[row])
    z = Letters().points(generator(), theta, 40 * count)[0]
    place = ((z + HALF) * CELLS / (2 * HALF)).floor().long()
    seen = torch.bincount(place[:, 0] * CELLS + place[:, 1], minlength=CELLS**2)
    inside = ((cells[row, :count] + HALF) * CELLS / (2 * HALF)).floor().long()
    seen = seen[inside[:, 0] * CELLS + inside[:, 1]].double()
    assert seen.sum() >= 0.999 * 40 * count  # but for points that rounding puts next door
    chi2 = ((seen - 40) ** 2 / 40).sum().item()
    assert abs(chi2 - count) < 5 * math.sqrt(2 * count)


def test_a_device_gets_the_glyphs_once() -> None:
    there = torch.device("meta")
    assert glyphs("test", there)[0].device == there and glyphs("test", there)[0] is glyphs("test", there)[0]


@pytest.mark.parametrize("font", FONTS)
def test_every_font_has_glyphs_of_the_stated_size(font: str) -> None:
    z = Letters().points(generator(), glyph("H", font), 4000)[0]
    span = z.max(0).values - z.min(0).values
    assert span.max().item() == pytest.approx(2 * HALF, rel=0.04)
    assert (z.max(0).values + z.min(0).values).abs().max().item() < 0.1


def test_an_angle_turns_a_letter() -> None:
    straight = Letters().points(generator(), glyph("F"), 50)
    quarter = Letters().points(generator(), glyph("F", angle=math.pi / 2), 50)
    expected = torch.stack([-straight[..., 1], straight[..., 0]], dim=-1)
    torch.testing.assert_close(quarter, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(turned(quarter, torch.tensor([[-math.pi / 2]])), straight, atol=1e-5, rtol=1e-5)


def test_tasks_are_letters_at_all_angles() -> None:
    theta = Letters(split="test").draw(generator(), 2000)[:, 0]
    assert set(theta[:, 0].long().tolist()) == set(range(len(FONTS)))
    assert theta[:, 1].cos().mean().abs().item() < 0.08 and theta[:, 1].max().item() > 6


def test_an_entry_of_a_point_has_rms_near_one() -> None:
    z = Letters().points(generator(), Letters().draw(generator(), 500), 50)
    assert z.square().mean().sqrt().item() == pytest.approx(1, abs=0.1)
