"""Letters as clouds of points in the plane: distributions to generate from whose density is not known.

Glyphs come from the fonts of matplotlib, which is imported only when a glyph is drawn.
"""

import math
from functools import cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from iai.fields import config
from iai.tasks.populations import Points, Population, Theta

FONTS = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *("cmr10", "cmb10", "cmss10", "cmtt10", "cmti10"),
)
"""Files of matplotlib's fonts: DejaVu, STIX and Computer Modern."""
LETTERS = {"train": "ABCDEFGHIJKLMNOPQRSTUVWZ", "validation": "X", "test": "Y"}
"""Capitals of each split, as in meta flow matching (Atanackovic et al. 2024)."""
CELLS = 64
"""A glyph is the union of the cells, of a square of so many by so many, whose centre is inside its outline."""
CPU = torch.device("cpu")
HALF = 2.0
"""Half of the longer side of a glyph's bounding box, which is centred at 0: an entry of a point has RMS near 1."""


@config
class Letters(Population):
    """A task is a capital letter in one of 21 fonts, turned by any angle; its points are uniform inside the glyph.

    `split` says which letters there are: 24 to train, X to validate, Y to test. The sizes are our choice.
    """

    split: Literal["train", "validation", "test"] = "train"

    dimension = 2

    def draw(self, generator: torch.Generator, tasks: int) -> Theta:
        """The glyph, by its place in `glyphs`, and the angle in radians of new tasks, `tasks 1 2`."""
        device = generator.device
        count = len(LETTERS[self.split]) * len(FONTS)
        glyph = torch.randint(count, (tasks, 1), generator=generator, device=device)
        angle = 2 * math.pi * torch.rand(tasks, 1, generator=generator, device=device)
        return torch.stack([glyph.to(angle.dtype), angle], dim=-1)

    def points(self, generator: torch.Generator, theta: Theta, count: int) -> Points:
        device, tasks = theta.device, len(theta)
        cells, sizes = glyphs(self.split, device)
        glyph, angle = theta[:, 0, 0].long(), theta[..., 1]
        place = torch.rand(tasks, count, generator=generator, device=device) * sizes[glyph, None]
        within = torch.rand(tasks, count, 2, generator=generator, device=device) - 0.5
        chosen = cells[glyph[:, None], place.long().minimum(sizes[glyph, None] - 1)]
        return turned(chosen.to(angle.dtype) + within * (2 * HALF / CELLS), angle)


def turned(points: Float[Tensor, "tasks n 2"], angle: Float[Tensor, "tasks 1"]) -> Float[Tensor, "tasks n 2"]:
    """Points turned counterclockwise around 0 by an angle in radians a task."""
    x, y = points.unbind(-1)
    return torch.stack([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], dim=-1)


@cache
def glyphs(split: str, device: torch.device = CPU) -> tuple[Float[Tensor, "glyphs cells 2"], Int[Tensor, " glyphs"]]:
    """Centres of the cells inside each glyph of a split, letter by letter in each font, and how many there are.

    Rows are as long as the longest; what is beyond a glyph's own number of cells is 0. Made once a process and device:
    a draw that copied them from the host would wait for the GPU.
    """
    if device != CPU:
        cells, sizes = glyphs(split, CPU)
        return cells.to(device), sizes.to(device)
    axis = torch.arange(CELLS, device="cpu")
    grid = ((torch.cartesian_prod(axis, axis) + 0.5) / CELLS - 0.5) * 2 * HALF
    inside = [grid[outlined(letter, font, grid)] for letter in LETTERS[split] for font in FONTS]
    cells = torch.nn.utils.rnn.pad_sequence(inside, batch_first=True)
    return cells, torch.tensor([len(centres) for centres in inside], device="cpu")


def outlined(letter: str, font: str, points: Float[Tensor, "n 2"]) -> Bool[Tensor, " n"]:
    """Whether points lie inside a glyph, of which the bounding box is centred at 0 and its longer side 2 HALF.

    A point is inside where it is within an odd number of the outline's closed curves.
    """
    from matplotlib import get_data_path
    from matplotlib.font_manager import FontProperties
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath

    file = FontProperties(fname=f"{get_data_path()}/fonts/ttf/{font}.ttf")
    curves = TextPath((0, 0), letter, size=100, prop=file).to_polygons()
    corners = np.concatenate(curves)
    low, high = corners.min(0), corners.max(0)
    placed = points.numpy() * (high - low).max() / (2 * HALF) + (low + high) / 2
    within = [Path(curve).contains_points(placed) for curve in curves]
    return torch.from_numpy(np.logical_xor.reduce(within))
