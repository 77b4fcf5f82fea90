"""How common ancestors, roots and siblings look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage import Graph
from lineage.nodes import NodeKind
from registry.cli.printing import heading, hint, table, tell
from registry.cli.views.lineage.trees import draw_down

if TYPE_CHECKING:
    from registry.domain.verbs.lineage import CommonAncestors, Kin, Relatives

WORDS = {NodeKind.MODEL: "model", NodeKind.DATASET: "dataset", NodeKind.STEP: "step"}


def show_common(found: CommonAncestors, one: str, other: str) -> None:
    """The way from each nearest common ancestor down to both."""
    if not found.nearest:
        tell(f"{one} and {other} have no common ancestor.")
        return
    graph = Graph(found.ways.nodes, found.ways.edges)
    for node in found.nearest:
        heading(f"{WORDS[node.kind].capitalize()} {node.label}")
        draw_down(graph, node.id)


def show_relatives(found: Relatives, relation: Kin, target: str) -> None:
    """One a line, with how each was made."""
    table(
        ("Name", "Kind", "Method", "Status"),
        [
            (node.label, WORDS[node.kind], node.facts.get("method", ""), node.facts.get("status", ""))
            for node in found.nodes
        ],
        empty=f"{target} has no {relation}",
    )
    if not found.complete:
        hint("There are more: see them with --limit.")
