"""One digest over a whole ancestry: it changes when anything in it changes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from lineage.digest import Digest
from lineage.nodes import Edge, Node


def lineage_digest(nodes: Collection[Node], edges: Iterable[Edge], *, complete: bool) -> Digest:
    """The digest of what is in an ancestry, how it is connected, and how well each edge is known.

    SHA-256 over RFC 8785 JSON with each node as `kind label` and its content digest, and each edge as source, target,
    role, split and assurance, all sorted. `complete` is False for a part of an ancestry that was too large to read.
    """
    name = {node.id: f"{node.kind.value} {node.label}" for node in nodes}
    document = {
        "complete": complete,
        "edges": sorted(
            [name[edge.source], name[edge.target], edge.role, edge.split or "", edge.assurance.value] for edge in edges
        ),
        "nodes": sorted([name[node.id], str(node.digest or "")] for node in nodes),
    }
    # The document holds text and one truth value only: for those, this is what RFC 8785 writes.
    return Digest.of(json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())
