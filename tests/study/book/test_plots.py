"""Figures: legible on both pages, apart to colour-blind eyes, and true to what is missing."""

import itertools
import math
from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch

from iai.study.book import plots
from iai.study.ledger.records import Missing, Summary

matplotlib.use("Agg")
PAGES = ("#ffffff", "#14181e")


@pytest.fixture
def ax() -> Iterator[Axes]:
    plots.style()
    figure, axes = plots.panels(2)
    yield axes[0]
    plt.close(figure)


def summary(*values: float) -> Summary:
    return Summary(values=values, errors=(0.1,) * len(values), seeds=tuple(range(len(values))), profile="small")


def test_a_band_that_reaches_zero_stays_on_a_logarithmic_axis(ax: Axes) -> None:
    points = [summary(1.0, 1.0, 1.0), summary(0.1, 1.0, 3.0)]
    assert points[1].interval[0] < 0
    plots.curves(ax, {"wide": points}, label="error", logarithmic=True)
    (band,) = ax.collections
    assert band.get_paths()[0].vertices[:, 1].min() == pytest.approx(0.8 * 1.0)


def linear(colour: str) -> np.ndarray:
    """Linear-light RGB of an sRGB colour."""
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of luminances, 1 to 21."""
    bright, dark = sorted((float(linear(c) @ (0.2126, 0.7152, 0.0722)) + 0.05 for c in (one, other)), reverse=True)
    return bright / dark


@pytest.mark.parametrize("page", PAGES)
def test_ink_and_colours_stand_out_on_both_pages(page: str) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast(plots.INK, page) > 3.9
    assert min(contrast(colour, page) for colour in plots.COLOURS) > 3.0


BLIND = {
    "none": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
"""What is left of linear RGB without one kind of cone (Machado, Oliveira and Fernandes 2009, severity 1)."""


def lab(colour: str, eyes: str) -> np.ndarray:
    """CIE L*a*b* of a colour as these eyes see it."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ np.clip(BLIND[eyes] @ linear(colour), 0, 1) / (0.9505, 1.0, 1.089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", BLIND)
def test_the_first_four_colours_are_apart_to_all_eyes(eyes: str) -> None:
    pairs = itertools.combinations(plots.COLOURS[:4], 2)
    assert min(float(np.linalg.norm(lab(a, eyes) - lab(b, eyes))) for a, b in pairs) > 20


def test_no_two_models_share_colour_and_marker_and_no_two_baselines_a_dash() -> None:
    assert len(set(plots.COLOURS)) == len(plots.COLOURS) == len(set(plots.MARKERS))
    assert len(set(plots.DASHES)) == len(plots.DASHES)


def test_curves_draw_means_bands_baselines_and_the_horizon(ax: Axes) -> None:
    points = tuple(summary(4.0 / (k + 1), 2.0 / (k + 1)) for k in range(21))
    ridge = tuple(summary(1.0, 2.0) if k in (1, 5) else summary(math.nan) for k in range(21))
    plots.curves(ax, {"data": points}, label="MSE", baselines={"ridge": ridge}, horizon=10, logarithmic=True)
    model, baseline = ax.get_lines()
    assert model.get_xydata() == pytest.approx(np.array([(k, 3 / (k + 1)) for k in range(21)]))
    assert baseline.get_xydata() == pytest.approx(np.array([(1, 1.5), (5, 1.5)]))
    assert (model.get_color(), baseline.get_color()) == (plots.COLOURS[0], plots.INK)
    band = ax.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(points[0].interval[1])
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("steps k", "MSE", "log")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["data", "ridge"]
    assert ax.patches[0].get_x() == 10


def test_what_is_missing_is_named_and_not_drawn(ax: Axes) -> None:
    plots.curves(ax, {"data": Missing(reason="not run")}, label="MSE", baselines={"b": Missing(reason="")})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["data (pending)", "b (pending)"]
    assert all(len(line.get_xdata()) == 0 for line in ax.get_lines())


def test_a_figure_of_missing_curves_alone_can_be_drawn(ax: Axes) -> None:
    plots.curves(ax, {"data": Missing(reason="not run")}, label="error", horizon=10, logarithmic=True)
    ax.figure.canvas.draw()


def test_a_graph_has_its_names_in_place_and_an_arrow_for_every_pair(ax: Axes) -> None:
    places = {"a": (1.0, 0.0), "b": (0.0, 0.0), "c": (2.0, 0.0)}
    plots.graph(ax, places, [("b", "c")], dashed=[("a", "b")])
    assert {text.get_text(): text.get_position() for text in ax.texts if text.get_text()} == places
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    colours = [to_rgb(arrow.get_edgecolor()[:3]) for arrow in arrows]
    assert colours == [to_rgb(plots.INK), to_rgb(plots.COLOURS[1])]
    assert [arrow.get_linestyle() for arrow in arrows] == ["solid", "dashed"]


def test_arcs_say_which_edges_an_order_breaks(ax: Axes, monkeypatch: pytest.MonkeyPatch) -> None:
    edges, drawn = torch.zeros(3, 3), {}
    edges[0, 1] = edges[1, 2] = 1
    monkeypatch.setattr(
        plots, "graph", lambda ax, places, edges, **how: drawn.update(places=places, edges=edges, **how)
    )
    plots.arcs(ax, edges, [1, 0, 2])
    assert drawn["places"] == {"2": (0, 0), "1": (1, 0), "3": (2, 0)}
    assert (drawn["edges"], drawn["dashed"]) == ([("2", "3")], [("1", "2")])


def test_clouds_are_points_on_one_scale() -> None:
    figure, axes = plots.panels(2)
    points = [torch.tensor([[0.0, 1.0], [2.0, -1.0]]), torch.zeros(3, 2)]
    plots.point_clouds(axes, points, ["a", "b"], colour=plots.COLOURS[1])
    for ax, cloud, title in zip(axes, points, "ab"):
        assert ax.collections[0].get_offsets().tolist() == cloud.tolist()
        assert to_rgb(ax.collections[0].get_facecolor()[0, :3]) == to_rgb(plots.COLOURS[1])
        assert ax.get_title() == title and ax.get_xlim() == ax.get_ylim() == axes[0].get_xlim()
    plt.close(figure)


def test_the_other_drawings_name_their_axes_and_groups() -> None:
    figure, (line, ax) = plots.panels(2)
    plots.lines(line, {"a": ([1, 2], [3, 4])}, labels=("updates", "loss"), logarithmic=True)
    plots.scatter(ax, {"b": ([1, 2], [3, 4])}, labels=("time", "height"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time", "height")
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"b"}
    assert [text.get_text() for text in line.get_legend().get_texts()] == ["a"]
    assert line.get_yscale() == "log"
    plt.close(figure)


def test_a_chapter_of_many_figures_may_have_fewer_dots() -> None:
    try:
        plots.style(dots=75)
        figure, _ = plots.panels()
        assert figure.dpi == 75
    finally:
        plots.style()
        plt.close("all")
    assert plt.rcParams["figure.dpi"] == 100
