"""How much was done to a model since the models that it all began with.

Each step counts once, on however many paths it lies. What nobody knows stays unknown: one step without an amount leaves
the whole without one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lineage.graph import Graph
from lineage.nodes import NodeId, NodeKind


@dataclass(frozen=True, slots=True)
class Modification:
    """`roots` are the models that were made from no model, `steps` those that made a model from one; in their order.

    Each step comes with the first model that it made here.
    """

    roots: tuple[NodeId, ...]
    steps: Mapping[NodeId, NodeId]

    def unknown(self, amounts: Mapping[NodeId, float]) -> tuple[NodeId, ...]:
        """The steps of which no amount is given."""
        return tuple(step for step in self.steps if step not in amounts)

    def total(self, amounts: Mapping[NodeId, float]) -> float | None:
        """The sum over all steps; None where one of them is not known."""
        return None if self.unknown(amounts) else math.fsum(amounts[step] for step in self.steps)


def modification(graph: Graph, focus: NodeId) -> Modification:
    """What made the model `focus` from its roots. A model without roots above it is its own root."""
    above = {focus, *graph.ancestors(focus)}
    roots, steps = list[NodeId](), dict[NodeId, NodeId]()
    for node in graph.order():
        if node.id not in above or node.kind is not NodeKind.MODEL:
            continue
        makers = [edge.source for edge in graph.into(node.id)]
        changing = [step for step in makers if any(_is_model(graph, edge.source) for edge in graph.into(step))]
        if not changing:
            roots.append(node.id)
        for step in changing:
            steps.setdefault(step, node.id)
    return Modification(tuple(roots), steps)


def _is_model(graph: Graph, id: NodeId) -> bool:
    return graph.node(id).kind is NodeKind.MODEL
