"""Figures in one style, readable on light and dark pages and without telling colours apart."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any, Literal

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import seaborn as sns
from cycler import cycler
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator
from torch import Tensor

from iai.study.ledger.records import Missing, Summary

INK = "#767676"
"""Text and axes: at least 4:1 against white and against the dark page."""
COLOURS = ("#7a5fd0", "#d55e00", "#0f9bb8", "#009e73", "#cc5fa0", "#a3800f")
"""Of models: at least 3:1 against both pages, the first four apart from each other to colour-blind eyes too."""
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 3)))
"""Of baselines, which are all drawn in `INK`."""

Series = Sequence[Summary] | Missing
Numbers = Sequence[float] | Sequence[int] | np.ndarray | Tensor
STYLE: dict[str, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color", "grid.color"), INK),
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor"), "none"),
    **dict.fromkeys(("font.size", "axes.titlesize"), 10),
    **{"legend.fontsize": 9, "lines.linewidth": 1.8, "lines.markersize": 4},
    **{"axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "axes.axisbelow": True},
    **{"axes.grid": True, "grid.alpha": 0.2, "grid.linewidth": 0.6, "axes.prop_cycle": cycler(color=COLOURS)},
    **{"figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True, "image.cmap": "viridis"},
}


def style(dots: int = 100) -> None:
    """Set the style of all figures from here on: `STYLE`, with `dots` per inch."""
    plt.style.use(STYLE | dict.fromkeys(("figure.dpi", "savefig.dpi"), dots))


def panels(columns: int = 1, rows: int = 1, width: float = 6.4, height: float = 3.6) -> tuple[Figure, list[Axes]]:
    """A figure of equal panels and its axes, row by row; `width` and `height` in inches, of the whole."""
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    return figure, list(axes.flat)


def curves(
    ax: Axes,
    series: Mapping[str, Series],
    *,
    label: str,
    baselines: Mapping[str, Series] | None = None,
    horizon: int | None = None,
    logarithmic: bool = False,
) -> None:
    """A metric against the number of steps, with 95 % bands; baselines in grey; `horizon` ends the trained steps.

    A band that reaches zero has no place on a logarithmic axis: there it ends a little below the lowest line.
    """
    greys = baselines or {}
    known = [points for points in (*series.values(), *greys.values()) if not isinstance(points, Missing)]
    lowest = min((point.mean for points in known for point in points if point.mean > 0), default=0.0)
    floor = 0.8 * lowest if logarithmic else -np.inf
    dashes: Iterable[dict[str, Any]] = ({"linestyle": one, "linewidth": 1.4} for one in cycle(DASHES))
    markers: Iterable[dict[str, Any]] = ({"marker": one} for one in cycle(MARKERS))
    lines = (*zip(series.items(), cycle(COLOURS), markers), *zip(greys.items(), cycle([INK]), dashes))
    for (name, points), colour, look in lines:
        if isinstance(points, Missing):
            pending(ax, name, points, colour)
            continue
        k, mean, low, high = columns(points)
        ax.plot(k, mean, color=colour, label=name, **look)
        if colour != INK:
            ax.fill_between(k, np.maximum(low, floor), high, color=colour, alpha=0.2, linewidth=0)
    if horizon is not None:
        ends = filter(np.isfinite, ax.dataLim.intervalx)  # infinite where every row is missing
        ax.axvspan(horizon, max([horizon + 1, *ends]), color=INK, alpha=0.08, linewidth=0)
        ax.annotate(" beyond training", (horizon, 1), xycoords=("data", "axes fraction"), fontsize=8, va="top")
    finish(ax, "steps k", label, logarithmic=logarithmic)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 5, 10]))


def columns(points: Sequence[Summary]) -> tuple[np.ndarray, ...]:
    """(k, mean, low, high) of the steps at which a metric is known."""
    rows = [(k, point.mean, *point.interval) for k, point in enumerate(points) if np.isfinite(point.mean)]
    return tuple(np.array(rows, dtype=float).reshape(-1, 4).T)


def lines(
    ax: Axes, series: Mapping[str, tuple[Numbers, Numbers]], *, labels: tuple[str, str], logarithmic: bool = False
) -> None:
    """Named lines: `series[name] = (x, y)`, `labels` of the two axes."""
    for (name, (x, y)), colour, marker in zip(series.items(), cycle(COLOURS), cycle(MARKERS)):
        ax.plot(x, y, color=colour, marker=marker if len(x) <= 40 else "", label=name)
    finish(ax, *labels, logarithmic=logarithmic)


def scatter(ax: Axes, groups: Mapping[str, tuple[Numbers, Numbers]], *, labels: tuple[str, str]) -> None:
    """Points of named groups: `groups[name] = (x, y)`."""
    for (name, (x, y)), colour, marker in zip(groups.items(), cycle(COLOURS), cycle(MARKERS)):
        sns.scatterplot(x=np.asarray(x), y=np.asarray(y), ax=ax, color=colour, marker=marker, s=18, label=name)
    finish(ax, *labels)


def graph(
    ax: Axes,
    places: Mapping[str, tuple[float, float]],
    edges: Collection[tuple[str, str]],
    dashed: Collection[tuple[str, str]] = (),
    bend: float = 0.0,
) -> None:
    """Names in boxes at their places, and an arrow for every pair; arrows in `dashed` have another colour, too."""
    drawn = nx.DiGraph()
    drawn.add_nodes_from(places)
    box = {"boxstyle": "round,pad=0.35", "facecolor": "none", "edgecolor": COLOURS[0], "linewidth": 1.2}
    nx.draw_networkx_labels(drawn, places, font_size=10, font_color=INK, bbox=box, ax=ax)
    for pairs, colour, line in ((edges, INK, "solid"), (dashed, COLOURS[1], "dashed")):
        drawn.add_edges_from(pairs)
        look: dict[str, Any] = {"edge_color": colour, "style": line, "arrowstyle": "-|>", "nodelist": list(places)}
        look["node_size"] = [max(14, 6 * len(name)) ** 2 for name in places]  # arrows end outside the boxes
        nx.draw_networkx_edges(drawn, places, list(pairs), connectionstyle=f"arc3,rad={bend}", ax=ax, **look)
    ax.axis("off")


def arcs(ax: Axes, edges: Float[Tensor, "d d"], order: Sequence[int]) -> None:
    """A graph with its nodes, numbered from 1, in an order: edges along it run above, edges that it breaks below."""
    places = {str(node + 1): (float(i), 0.0) for i, node in enumerate(order)}
    kept: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for start, end in edges.nonzero().tolist():
        kept[order.index(start) < order.index(end)].append((str(start + 1), str(end + 1)))
    graph(ax, places, kept[True], dashed=kept[False], bend=-0.5)
    high = 0.25 * len(order) + 0.2  # the longest arc reaches a quarter of its span
    ax.set(xlim=(-0.5, len(order) - 0.5), ylim=(-high, high), aspect="equal")


def point_clouds(
    axes: Sequence[Axes], points: Iterable[Tensor], titles: Sequence[str], colour: str = COLOURS[0]
) -> None:
    """Points in the plane, `n 2` a panel, all on one scale and without ticks."""
    for ax, cloud, title in zip(axes, points, titles):
        x, y = cloud.T.numpy()
        ax.scatter(x, y, s=5, color=colour, linewidths=0)
        ax.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal", xticks=[], yticks=[], title=title)


def finish(ax: Axes, x: str, y: str, *, logarithmic: bool = False) -> None:
    """Name the axes, and the lines if they have names; `logarithmic` is the vertical axis."""
    ax.set(xlabel=x, ylabel=y)
    if logarithmic:
        log_scale(ax, "y")
    names = ax.get_legend_handles_labels()[1]
    if len(names) > 4:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    elif names:
        ax.legend()


def log_scale(ax: Axes, axis: Literal["x", "y"]) -> None:
    """Make an axis logarithmic, with limits even if nothing is drawn."""
    ax.set(**{f"{axis}scale": "log"})
    if not np.isfinite(getattr(ax.dataLim, f"interval{axis}")).all():
        ax.set(**{f"{axis}lim": (0.1, 1.0)})
    low, high = getattr(ax, f"get_{axis}lim")()
    if high < 100 * low:  # too short for powers of ten
        ticks = getattr(ax, f"{axis}axis")
        ticks.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ticks.set_major_formatter("{x:g}")
        ticks.set_minor_formatter("")


def pending(ax: Axes, name: str, missing: Missing, colour: str) -> None:
    """A legend entry, and no line, for what is missing."""
    ax.plot([], [], color=colour, alpha=0.5, label=f"{name} ({missing})")
