"""Numbers of the prose, bound to the ledger.

{val}`key:set:metric:k` is the mean over seeds after k steps; `profile:` may go before it and `:format` after it, as in
{val}`gpu:table4/mnist/data:fashion-mnist:error:10:.1%`. `k` as `10/1` is the ratio of two steps, seed by seed; a
metric as `ridge/mse` is a baseline's on the same batches. What the ledger cannot know is a warning, hence an error of
the build; what has not been run yet reads "pending".
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from iai import results
from iai.experiments import EXPERIMENTS, PROFILES
from iai.results import Missing, Summary
from iai.types import UserError


@dataclass(frozen=True)
class Reference:
    """What a role names: [profile:]key:set:metric:k[:format]."""

    profile: str
    key: str
    evaluation: str
    metric: str
    k: str
    spec: str

    @classmethod
    def parse(cls, text: str, profile: str) -> "Reference":
        """Reads the role's text; keys have a "/" and profiles have none. `UserError` on a wrong number of fields."""
        fields = text.split(":")
        if "/" not in fields[0]:
            profile = fields.pop(0)
        if len(fields) not in (4, 5):
            raise UserError("write [profile:]key:set:metric:k[:format]")
        reference = cls(profile, *fields[:4], *(fields[4:] or [".3g"]))
        for what, name, known in (("profile", profile, PROFILES), ("key", reference.key, EXPERIMENTS)):
            if name not in known:
                raise results.unknown(what, name, known)
        return reference

    def look_up(self) -> Summary | Missing:
        """The result over seeds, or why there is none."""
        *baseline, metric = self.metric.split("/")
        try:
            steps = [int(k) for k in self.k.split("/")]
        except ValueError:
            raise UserError(f"k is {self.k!r}; write a number of steps, or two as 10/1") from None
        found = [
            results.summary(self.key, self.profile, self.evaluation, metric, k, *baseline) for k in steps
        ]
        missing = [one for one in found if isinstance(one, Missing)]
        return missing[0] if missing else ratio(*found)


def ratio(top: Summary, bottom: Summary | None = None) -> Summary:
    """The first result over the second, seed by seed; its error within a seed is not known."""
    if bottom is None:
        return top
    values = tuple(a / b for a, b in zip(top.values, bottom.values))
    return replace(top, values=values, errors=(math.nan,) * len(values))


def tip(found: Summary | Missing, spec: str) -> str:
    """What a hover says: profile, seeds, interval, commit; or why there is no number."""
    if isinstance(found, Missing):
        return found.reason
    low, high = found.interval
    seeds = ", ".join(map(str, found.seeds))
    over = "" if math.isnan(low) else f" · 95 % interval over {found.source}: {low:{spec}} to {high:{spec}}"
    plural = "s" if len(found.seeds) > 1 else ""
    return f"{found.profile} · seed{plural} {seeds}{over} · commit {', '.join(found.commits)}"


class Value(nodes.inline):
    """A number of the ledger in a sentence."""


def visit_value(self: Any, node: Value) -> None:
    """Writes the number with its tip, for the mouse and for the keyboard."""
    classes = " ".join(["iai-val", *node["classes"]])
    self.body.append(
        self.starttag(node, "span", "", CLASS=classes, tabindex="0", **{"data-tip": node["tip"]})
    )


def depart_value(self: Any, node: Value) -> None:
    self.body.append("</span>")


def skip(self: Any, node: Value) -> None:
    """Other writers print the bare number."""


class ValueRole(SphinxRole):
    """The role {val}."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        try:
            reference = Reference.parse(self.text, self.config.bound_profile)
            found = reference.look_up()
            shown = format(found, reference.spec)
        except ValueError as error:
            message = self.inliner.reporter.warning(f"{{val}}`{self.text}`: {error}", line=self.lineno)
            return [nodes.problematic(self.rawtext, f"{{val}}`{self.text}`")], [message]
        for path in (results.root() / reference.profile / reference.key).glob("seed*.json"):
            self.env.note_dependency(str(path))
        node = Value(self.rawtext, shown, classes=["pending"] if isinstance(found, Missing) else [])
        node["tip"] = tip(found, reference.spec)
        return [node], []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("bound_profile", "cpu", "env")
    app.add_role("val", ValueRole())
    app.add_node(Value, html=(visit_value, depart_value), latex=(skip, skip), text=(skip, skip))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
