"""New nodes and edges of the graph."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from lineage import Assurance, Digest, NodeKind
from registry.storage.sql.among import among_texts
from registry.storage.sql.prebuilt import Prebuilt, inserting, inserting_for_key
from registry.storage.tables import edge, node

OUTPUT_ROLE = "output"


def add_node(connection: Connection, kind: NodeKind, digest: Digest, label: str, at: datetime) -> int:
    """Its key."""
    row = {"kind": kind, "digest": digest, "label": label, "created_at": at}
    key: int = _ADD_NODE.rows(connection, row)[0][0]
    return key


def add_edges(connection: Connection, edges: Sequence[Mapping[str, object]]) -> None:
    """Rows of `edge`, of which none takes the place of another."""
    _ADD_EDGES.run_all(connection, edges)


def made_edge(step: int, output: int, at: datetime) -> Mapping[str, object]:
    """The edge from a step to what it made."""
    return {
        "from_node": step,
        "to_node": output,
        "role": OUTPUT_ROLE,
        "split": None,
        "assurance": Assurance.OBSERVED,
        "created_at": at,
    }


def keys_of(connection: Connection, labels: Collection[str]) -> Mapping[str, int]:
    """The keys of those of these nodes that there are, deleted ones too; no statement where there are no labels."""
    return {label: key for key, label in _KEYS.rows(connection, {"labels": labels})} if labels else {}


_ADD_NODE = inserting_for_key(node, "kind", "digest", "label", "created_at")
_ADD_EDGES = inserting(edge, "from_node", "to_node", "role", "split", "assurance", "created_at")
_KEYS = Prebuilt(lambda: select(node.c.id, node.c.label).where(among_texts(node.c.label, "labels")))
