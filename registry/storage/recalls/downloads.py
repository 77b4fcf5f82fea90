"""Rows of downloads: one for each person, token, version and day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, insert, select, update

from registry.domain.catalog.downloads import Download
from registry.domain.paging import Page, PageRequest
from registry.storage.catalog.versions import refs_of
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import download, node, person, recall, recall_mark


def add(connection: Connection, downloads: Sequence[Download]) -> None:
    """Add to the rows that are there, and make the others. Those of a person or version that is gone are left out."""
    people = _keys(connection, person, person.c.handle, {one.person for one in downloads})
    nodes = _keys(connection, node, node.c.label, {str(one.ref) for one in downloads})
    rows = {
        (people[one.person], one.token, nodes[str(one.ref)], one.day): one
        for one in downloads
        if one.person in people and str(one.ref) in nodes
    }
    columns = (download.c.person_id, download.c.token, download.c.node_id, download.c.day)
    query = select(download.c.id, *columns).where(
        download.c.node_id.in_({key[2] for key in rows}), download.c.day.in_({key[3] for key in rows})
    )
    there = {tuple(row[1:]): row[0] for row in connection.execute(query)}
    new = [
        {
            "person_id": key[0],
            "token": key[1],
            "node_id": key[2],
            "day": key[3],
            "first_at": one.first_at,
            "last_at": one.last_at,
            "reads": one.reads,
        }
        for key, one in rows.items()
        if key not in there
    ]
    more = [{"_id": there[key], "_reads": one.reads, "_at": one.last_at} for key, one in rows.items() if key in there]
    if new:
        connection.execute(insert(download), new)
    if more:
        last = bindparam("_at", type_=download.c.last_at.type)
        later = case((download.c.last_at < last, last), else_=download.c.last_at)
        changed = update(download).where(download.c.id == bindparam("_id"))
        connection.execute(changed.values(reads=download.c.reads + bindparam("_reads"), last_at=later), more)


def of_recall(connection: Connection, recall_id: str, page: PageRequest) -> Page[Download]:
    """Those of every version that the recall marks, by version, newest first.

    In this order a page is read along two indexes, and what other pages hold is not sorted for it.
    """
    mine = select(recall.c.id).where(recall.c.public_id == recall_id).scalar_subquery()
    query = (
        select(download, person.c.handle)
        .join(recall_mark, recall_mark.c.node_id == download.c.node_id)
        .join(person, person.c.id == download.c.person_id)
        .where(recall_mark.c.recall_id == mine)
    )
    order = [SortBy(recall_mark.c.node_id, int), SortBy(download.c.id, int, descending=True)]
    rows, cursor = page_rows(connection, query, order, page, scope=f"downloads {recall_id}")
    refs = refs_of(connection, {row.node_id for row in rows})
    found = [Download(row.handle, row.token, refs[row.node_id], row.first_at, row.last_at, row.reads) for row in rows]
    return Page(found, cursor)


def _keys(connection: Connection, table: Any, column: Any, names: set[str]) -> dict[str, int]:
    return {row[1]: row[0] for row in connection.execute(select(table.c.id, column).where(column.in_(names)))}
