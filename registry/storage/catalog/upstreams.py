"""Rows of upstreams: the Hub repository that a version was imported from."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from registry.domain.governance.upstream import Pinned, Upstream
from registry.domain.names import VersionRef
from registry.domain.paging import Page, PageRequest
from registry.storage.catalog.assets import find_version, require_version
from registry.storage.catalog.versions import is_live, refs_of
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import asset, node, upstream, version


def pin(connection: Connection, ref: VersionRef, source: Upstream) -> None:
    """Write it, in place of what is there."""
    key = require_version(connection, ref).node_id
    connection.execute(delete(upstream).where(upstream.c.node_id == key))
    row = {"node_id": key, "repository": source.repository.casefold(), "source": str(source)}
    connection.execute(insert(upstream).values(row))


def source_of(connection: Connection, ref: VersionRef) -> str:
    """Empty where none is known."""
    row = find_version(connection, ref)
    found = (
        None if row is None else connection.scalar(select(upstream.c.source).where(upstream.c.node_id == row.node_id))
    )
    return found or ""


def pinned(connection: Connection, page: PageRequest) -> Page[Pinned]:
    """Of live versions, by repository."""
    order = [SortBy(upstream.c.repository, str), SortBy(upstream.c.node_id, int)]
    rows, cursor = page_rows(connection, _pinned(), order, page, scope="upstreams")
    return Page(list(_values(connection, rows)), cursor)


def pinned_to(connection: Connection, repository: str) -> list[Pinned]:
    """Live versions of one repository, oldest first."""
    query = _pinned().where(upstream.c.repository == repository.casefold()).order_by(upstream.c.node_id)
    return list(_values(connection, connection.execute(query).all()))


def _pinned() -> Any:
    return (
        select(upstream.c.node_id, upstream.c.source, version.c.licence, asset.c.owner, node.c.created_at)
        .join(version, version.c.node_id == upstream.c.node_id)
        .join(asset, asset.c.id == version.c.asset_id)
        .join(node, node.c.id == upstream.c.node_id)
        .where(is_live())
    )


def _values(connection: Connection, rows: Collection[Row[Any]]) -> Iterator[Pinned]:
    refs = refs_of(connection, [row.node_id for row in rows])
    for row in rows:
        yield Pinned(refs[row.node_id], row.source, row.licence, row.owner, row.created_at)
