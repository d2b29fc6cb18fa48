"""Numbers of the prose, bound to the ledger.

{val}`key:set:metric:k` is the mean over seeds after k steps; `profile:` may go before it and `:format` after it, as in
{val}`paper:table4/mnist/data:fashion-mnist:error:10:.1%`. `k` as `10/1` is the ratio of two steps, seed by seed; a
metric as `ridge/mse` is a baseline's on the same batches. What the ledger cannot know is a warning, hence an error of
the build; what has not been run yet reads "pending".
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from iai.study.ledger import records
from iai.study.analysis.references import Reference, tip
from iai.study.ledger.records import Missing


class Value(nodes.inline):
    """A number of the ledger in a sentence."""


def visit_value(self: Any, node: Value) -> None:
    """Writes the number with its tip, for the mouse and for the keyboard."""
    classes = " ".join(["iai-val", *node["classes"]])
    self.body.append(self.starttag(node, "span", "", CLASS=classes, tabindex="0", **{"data-tip": node["tip"]}))


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
        for path in (records.root() / reference.profile / reference.key).glob("seed*.json"):
            self.env.note_dependency(str(path))
        node = Value(self.rawtext, shown, classes=["pending"] if isinstance(found, Missing) else [])
        node["tip"] = tip(found, reference.spec)
        return [node], []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("bound_profile", "cpu", "env")
    app.add_role("val", ValueRole())
    app.add_node(Value, html=(visit_value, depart_value), latex=(skip, skip), text=(skip, skip))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
