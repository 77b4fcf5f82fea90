"""The Merkle tree over the audit log in the database: it grows by what is new, any node is one small query."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, insert, or_, select

from lineage import Digest
from registry.domain.merkle import peak_places, subtree
from registry.domain.verifier import Tree
from registry.errors import AuditBrokenError
from registry.storage.tables import audit_entry, audit_node

MOST_AT_ONCE = 10_000
"""Entries that one transaction adds to the tree: the writer's place is held for well under a second."""


@dataclass(frozen=True, slots=True)
class Grown:
    """The tree as far as it was grown; `whole` when that is all of the log."""

    size: int
    root: bytes
    whole: bool


def grow(connection: Connection, most: int = MOST_AT_ONCE) -> Grown:
    """Add the entries that the tree does not have, at most `most`. Raises: AuditBrokenError for a missing entry.

    Reads O(log n) nodes and the new entries; writes one node for each of them, on average.
    """
    pairs = connection.execute(select(func.max(audit_node.c.place)).where(audit_node.c.level == 1)).scalar()
    size = 0 if pairs is None else 2 * (pairs + 1)
    tree = Tree(size, _peaks(connection, size))
    new = select(audit_entry.c.seq, audit_entry.c.leaf).where(audit_entry.c.seq > size)
    leaves = connection.execute(new.order_by(audit_entry.c.seq).limit(most)).all()
    made = []
    for seq, leaf in leaves:
        if seq != tree.size + 1:
            raise AuditBrokenError(f"Entry {tree.size + 1} is missing: the next row is {seq}")
        for level, place, node in tree.append(bytes.fromhex(leaf.hex)):
            made.append({"level": level, "place": place, "hash": Digest(node.hex())})
    if made:
        connection.execute(insert(audit_node), made)
    return Grown(tree.size, tree.root(), len(leaves) < most)


def node(connection: Connection, level: int, place: int) -> bytes:
    """One node; level 0 is the entries. Raises: AuditBrokenError where there is none."""
    if level == 0:
        found = connection.execute(select(audit_entry.c.leaf).where(audit_entry.c.seq == place + 1)).scalar()
    else:
        here = (audit_node.c.level == level) & (audit_node.c.place == place)
        found = connection.execute(select(audit_node.c.hash).where(here)).scalar()
    if found is None:
        raise AuditBrokenError(f"The tree over the audit log lacks node {place} of level {level}")
    return bytes.fromhex(found.hex)


def root_at(connection: Connection, size: int) -> bytes:
    """The root of the tree over the first `size` entries, at least one, of those that it has grown to."""
    return subtree(lambda level, place: node(connection, level, place), 0, size)


def _peaks(connection: Connection, size: int) -> list[bytes]:
    places = peak_places(size)
    if not places:
        return []
    here = (and_(audit_node.c.level == level, audit_node.c.place == place) for level, place in places)
    rows = connection.execute(select(audit_node.c.level, audit_node.c.place, audit_node.c.hash).where(or_(*here)))
    found = {(level, place): bytes.fromhex(digest.hex) for level, place, digest in rows}
    if len(found) != len(places):
        raise AuditBrokenError("The tree over the audit log lacks nodes")
    return [found[one] for one in places]
