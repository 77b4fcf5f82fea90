"""Which descendants of some model versions are in use, whatever the number of generations between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, and_, or_, select

from registry.domain.catalog.models import VersionSummary
from registry.domain.names import VersionRef
from registry.storage.catalog.versions import is_live, version_summaries
from registry.storage.tables import alias, edge, model_version, node, version


def used_descendants(
    connection: Connection, refs: Sequence[VersionRef], *, except_in: Iterable[str], aliases: Iterable[str]
) -> list[VersionSummary]:
    """Live descendants of `refs` at other stages than `except_in` or with one of `aliases`, oldest first; no `refs`.

    One recursive query: it walks every edge below `refs` that was not superseded.
    """
    labels = [str(ref) for ref in refs]
    below = select(node.c.id).where(node.c.label.in_(labels)).cte("below", recursive=True)
    below = below.union(
        select(edge.c.to_node).join(below, edge.c.from_node == below.c.id).where(edge.c.superseded_by.is_(None))
    )
    mine = and_(alias.c.asset_id == version.c.asset_id, alias.c.node_id == version.c.node_id)
    named = select(alias.c.id).where(mine, alias.c.alias.in_(list(aliases))).correlate(version).exists()
    query = (
        select(version.c.node_id)
        .join(below, below.c.id == version.c.node_id)
        .join(model_version, model_version.c.node_id == version.c.node_id)
        .where(is_live(), or_(model_version.c.stage.not_in(list(except_in)), named))
        .order_by(version.c.node_id)
    )
    keys = list(connection.scalars(query))
    found = version_summaries(connection, keys)
    return [found[key] for key in keys if str(found[key].ref) not in labels]
