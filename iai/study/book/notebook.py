"""What a chapter needs: its parameters checked, models trained live, and numbers, tables and banners of the ledger."""

import ast
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch

from iai.fields import Bounds, checked
from iai.study.analysis import trials
from iai.study.book import plots
from iai.study.jobs import queue, runs
from iai.study.jobs.run import Model, fit
from iai.study.ledger import records
from iai.study.ledger.records import Missing, Summary, unknown
from iai.study.ledger.statistics import over
from iai.study.registry import PROFILES, experiment
from iai.study.registry.trials import taken
from iai.training import Progress, pick_device

PATIENCE = 900.0
"""Seconds that a chapter waits for another one to train the model that both want."""
FEW = 5
"""Commands that a banner gives; with more of them each section has to name its own."""
Cell = Summary | Missing | float | int | str


@dataclass(frozen=True)
class Markdown:
    """Text that a notebook shows as Markdown."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text

    __str__ = _repr_markdown_


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """The checked parameters of a chapter: what it trains live, whose committed records it shows, its seed."""

    profile: str
    shown_profile: str
    seed: int

    def train(self, key: str) -> tuple[Model, Progress]:
        """As `fit`: train the model of `key` at the chapter's profile and seed, unless this code trained it already.

        It trains on a GPU where there is one, and comes back to the CPU, where chapters compute.
        """
        one, names = runs.Run(key, self.profile, self.seed), {"key": key, "profile": self.profile}
        with records.lock(*one, PATIENCE):  # another chapter may train it just now
            queue.set_aside(one)
            where, chosen = pick_device(), experiment(key, self.profile)
            model, progress = fit(chosen, seed=self.seed, device=where, path=one.checkpoint, names=names, show=False)
        return model.cpu(), replace(progress, losses=[loss.cpu() for loss in progress.losses])

    def curve(self, row: str, evaluation: str, metric: str) -> tuple[Summary, ...] | Missing:
        """The committed curve over k = 0, 1, ... steps of `key`, or of `key|baseline` on the same batches."""
        experiment(row.split("|")[0], self.shown_profile)
        return records.curve(row, self.shown_profile, evaluation, metric)

    def curves(self, rows: Mapping[str, str], evaluation: str, metric: str) -> dict[str, Any]:
        """`curve` of every row, by label."""
        return {label: self.curve(row, evaluation, metric) for label, row in rows.items()}

    def steps(self, rows: Mapping[str, str], evaluation: str, metric: str, steps: Sequence[int]) -> "Grid":
        """A row a key (or `key|baseline`), a column a number of steps: what `table` prints."""
        body: dict[str, Sequence[Cell]] = {}
        for label, row in rows.items():
            experiment(row.split("|")[0], self.shown_profile)
            body[label] = tuple(records.summary(row, self.shown_profile, evaluation, metric, k) for k in steps)
        return Grid(header=("", *(f"{k} step{'s' * (k != 1)}" for k in steps)), rows=body)

    def trials(self, rows: Mapping[str, str]) -> "Grid":
        """A column for each row, label to key: the validation loss of each setting tried, and the setting chosen."""
        tried = [trials.trials(key, self.shown_profile) for key in rows.values()]
        names = dict.fromkeys(name for found in tried for name in found)
        body: dict[str, Sequence[Cell]] = {name: [found.get(name, "–") for found in tried] for name in names}
        body["taken"] = [taken(key, self.shown_profile) for key in rows.values()]
        return Grid(header=("", *rows), rows=body)

    def banner(self, *patterns: str) -> Markdown | None:
        """How many of the runs shown are pending, stale or running, and the command for them; None if none is."""
        wanted = [one for pattern in patterns for one in runs.wanted(pattern, self.shown_profile)]
        states = Counter(one.status() for one in wanted)
        facts = [f"{states[state]} {state}" for state in ("pending", "stale", "running") if states[state]]
        if not facts:
            return None
        named = patterns if len(patterns) <= FEW else ("PATTERN",)
        again = "; ".join(f"`python -m iai reproduce '{pattern}' --profile {self.shown_profile}`" for pattern in named)
        return Markdown(
            f"> **Of {len(wanted)} `{self.shown_profile}` runs that this chapter shows: {', '.join(facts)}.** {again}"
        )


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The column names of a table (the first is over the row labels), and its cells by row label."""

    header: tuple[str, ...]
    rows: Mapping[str, Sequence[Cell]]


def setup(namespace: Mapping[str, Any]) -> Chapter:
    """A chapter's first call, on `globals()`: check the parameters, set the figures' style, use one thread."""
    check_parameters(namespace)
    plots.style()
    torch.set_num_threads(1)
    return Chapter(profile=namespace["profile"], shown_profile=namespace["shown_profile"], seed=namespace["seed"])


def check_parameters(namespace: Mapping[str, Any]) -> None:
    """`UserError` if papermill set a name that the chapter's parameters cell does not annotate, or to a wrong type."""
    declared: dict[str, Any] = namespace.get("__annotations__", {})
    papermill = [text for text in namespace.get("In", []) if text.startswith("# Parameters\n")]
    for node in (node for text in papermill for node in ast.walk(ast.parse(text))):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id not in declared:
            raise unknown("parameter of this chapter", node.id, declared)
    for name, kind in declared.items():
        checked(f"parameter {name}", namespace[name], kind)
    for name in ("profile", "shown_profile"):
        if namespace[name] not in PROFILES:
            raise unknown(name, namespace[name], PROFILES)
    checked("parameter seed", namespace["seed"], Annotated[int, Bounds(0, 999)])


def table(grid: Grid, caption: str, name: str, spec: str = ".3g", source: str = "") -> Markdown:
    """A grid as a numbered table; its caption ends with `source`, by default profile, seeds and what the spread is."""
    cells = [cell for row in grid.rows.values() for cell in row]
    words = [all(isinstance(cell, str) for cell in column) for column in zip(*grid.rows.values())]
    lines = [f"| {' | '.join(grid.header)} |", "|---|" + "".join("---|" if w else "---:|" for w in words)]
    mark, said = "†" * ("†" in over(cells)), source or provenance(cells)
    said += " († over tasks.)" * (bool(mark) and "†" not in said)
    lines += [f"| {label} | {' | '.join(show(cell, spec, mark) for cell in row)} |" for label, row in grid.rows.items()]
    body = "\n".join(lines).replace(" ± ", "\u00a0±\u00a0").replace(" %", "\u00a0%")  # cells do not break
    return Markdown(f":::{{table}} {caption} {said}\n:name: {name}\n\n{body}\n:::")


def show(cell: Cell, spec: str = ".3g", mark: str = "") -> str:
    """A cell as text: `mean ± spread` of a summary whose spread is known, and "pending" for what is missing.

    A `mark` is put at spreads over tasks, where others are over seeds.
    """
    if isinstance(cell, str):
        return cell
    if not isinstance(cell, Summary) or math.isnan(cell.spread):
        return format(cell, spec)
    mark = mark if cell.source == "tasks" else ""
    if spec.endswith("%"):
        return f"{100 * cell.mean:{spec[:-1]}f} ± {100 * cell.spread:{spec[:-1]}f}{mark} %"
    digits = (".1g" if cell.spread < 9.5 else ".0f") if spec.endswith("g") else spec
    return f"{cell.mean:{spec}} ± {cell.spread:{digits}}{mark}"


def provenance(cells: Iterable[Cell]) -> str:
    """Where the numbers of a table or figure come from, for its caption."""
    cells = list(cells)
    found = [cell for cell in cells if isinstance(cell, Summary)]
    if not found:
        missing = any(isinstance(cell, Missing) for cell in cells)
        return "(Pending: nothing of this has been run yet.)" if missing else "(Not from the ledger.)"
    profiles = ", ".join(f"`{profile}`" for profile in sorted({cell.profile for cell in found}))
    seeds = " or ".join(sorted({", ".join(map(str, cell.seeds)) for cell in found}))
    plural = "s" if any(len(cell.seeds) > 1 for cell in found) else ""
    spread = f"; ± is the standard error over {what}" if (what := over(found)) else ""
    return f"(Profile {profiles}; seed{plural} {seeds}{spread}.)"


def machine(measured: Mapping[str, Any] | None) -> str:
    """The processor and the date of a benchmark of the ledger, for a caption."""
    if measured is None:
        return "(Pending: this has not been measured yet.)"
    return f"(Measured on one thread of {measured['cpu']}, {measured['date']}.)"
