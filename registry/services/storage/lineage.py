"""Nodes and edges as storage keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from lineage import Assurance, Edge, Node


class GraphRepository(Protocol):
    """The node and edge tables, walked by recursive CTE."""

    def node(self, label: str) -> Node | None:
        """By public label: a URI of a version (model or dataset) or a step id. Deleted versions are still nodes."""
        ...

    def walk(self, start: Node, *, up: int, down: int, limit: int) -> tuple[Sequence[Node], Sequence[Edge], bool]:
        """Nodes and edges within `up` and `down` generations (a generation is one step: two edges).

        -1 means no limit of depth; from a step, the first generation is its own inputs or outputs. Nearest first, then
        oldest; the flag is True when `limit` nodes cut it short.
        """
        ...

    def set_assurance(self, step_id: str, input_label: str, assurance: Assurance, *, at: datetime) -> None:
        """Supersede the edge by one with another assurance; the old row stays."""
        ...
