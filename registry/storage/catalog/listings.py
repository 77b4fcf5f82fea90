"""Keeps the rows that a search reads (`tables.listing`) true to the models, in the transaction that changes a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, null, select, text, update

from registry.domain.catalog.models import Status
from registry.storage.catalog import changes
from registry.storage.catalog.listing_sql import CONTENTS, FIELDS, facets
from registry.storage.sql.prebuilt import Prebuilt
from registry.storage.sql.upsert import upsert
from registry.storage.tables import asset_tag, facet, headline, listing, version_tag


@contextmanager
def listed(connection: Connection, key: int) -> Iterator[None]:
    """Inside, the model `key` changes; afterwards its rows and the counts of facets are as it is now."""
    before = _values(connection, key)
    yield
    after = _values(connection, key)
    changes.note(connection, key)
    change = Counter(after)
    change.subtract(before)
    _count(connection, {of: by for of, by in sorted(change.items()) if by})


@contextmanager
def statuses_changed(connection: Connection, owners: str, archived: str, key: int) -> Iterator[None]:
    """Inside, statuses of versions of many models change; afterwards the counts are those before plus the difference.

    `owners` is a query with `:key` that gives the models as `asset_id`; `archived` gives those of them that have an
    archived version before or after: it counts for nothing but its status, so all other fields change too.
    """
    mine = facets(("status",), "SELECT asset_id FROM owners")
    others = facets((*(field for field in FIELDS if field != "status"), "tag"), "SELECT asset_id FROM archived")
    query = text(f"WITH owners AS ({owners}), archived AS ({archived}) {mine} UNION ALL {others}")
    changes.note_all(connection, connection.execute(text(owners), {"key": key}).scalars())

    def share() -> Counter[tuple[str, str]]:
        return Counter({(row.field, row.value): row.models for row in connection.execute(query, {"key": key})})

    before = share()
    yield
    change = share()
    change.subtract(before)
    _count(connection, {of: by for of, by in sorted(change.items()) if by})


def relist(connection: Connection, key: int) -> None:
    """Write all rows of the model `key` anew."""
    connection.execute(_drop(headline), {"key": key})
    connection.execute(_drop(listing), {"key": key})
    for table in ("listing", "headline"):
        connection.execute(_filling(table), {"asset": key})


def list_version(connection: Connection, key: int, node_id: int, *, licence: str, stage: str) -> None:
    """Write the rows of one new version of the model `key`, which is active, and count what it brings."""
    fields = {"licence": licence, "stage": stage, "status": Status.ACTIVE}
    given = fields | {"key": key, "own": -key, "archived": Status.ARCHIVED}
    ((empty, used, *known),) = _KNOWN.rows(connection, given)
    # What the model has before any version, or by one that is not archived, was counted. Else all of it counts now.
    with nullcontext() if used else listed(connection, key):
        if empty:
            _DROP_ROW.run(connection, {"row": -key})
        for filling in _FILLING_VERSION:
            filling.run(connection, {"node": node_id})
    if used:
        changes.note(connection, key)
        pairs = zip(sorted(fields.items()), known, strict=True)
        _count(connection, {field: 1 for field, counted in pairs if not counted})


def change_listing(connection: Connection, node_id: int, **values: str) -> None:
    """Write what changed of one version: its stage or its status."""
    connection.execute(_change(), {"row": node_id, **values})


def rebuild(connection: Connection) -> None:
    """Make every row anew from the models."""
    for table in (facet, headline, listing):
        connection.execute(delete(table))
    for name, contents in CONTENTS.items():
        connection.execute(text(f"INSERT INTO {name} ({contents.columns}) {contents.everything}"))


def differences(connection: Connection) -> dict[str, int]:
    """How many rows of each table are not what the models say, where there are any."""
    found = {}
    for name, contents in CONTENTS.items():
        wanted = f"SELECT * FROM ({contents.everything}) AS wanted"  # noqa: S608 - our own statements
        kept = f"SELECT {contents.columns} FROM {name}"  # noqa: S608 - our own statements
        query = (
            f"SELECT (SELECT count(*) FROM ({wanted} EXCEPT {kept}) AS missing)"  # noqa: S608 - our own statements
            f" + (SELECT count(*) FROM ({kept} EXCEPT {wanted}) AS wrong)"
        )
        if count := connection.execute(text(query)).scalar_one():
            found[name] = count
    return found


def _values(connection: Connection, key: int) -> set[tuple[str, str]]:
    """The values that the model counts for: those of archived versions only for the status."""
    rows = _ROWS_OF.rows(connection, {"key": key, "archived": Status.ARCHIVED})
    found = {("status", row[_STATUS]) for row in rows}
    used = [row for row in rows if row[_STATUS] != Status.ARCHIVED]
    if any(row[-1] is None for row in used):
        found |= {one for row in used for one in zip((*FIELDS, "tag"), row, strict=True)}
    return {(field, value) for field, value in found if value is not None}


def _count(connection: Connection, changes: Mapping[tuple[str, str], int]) -> None:
    """Add to the counts; a value that no model has any more is forgotten."""
    rows = [{"field": field, "value": value, "models": by} for (field, value), by in changes.items()]
    upsert(connection, facet, rows, ["field", "value"], added=["models"])
    if fewer := [{"of": field, "named": value} for (field, value), by in changes.items() if by < 0]:
        _FORGET.run_all(connection, fewer)


def _known() -> Any:
    """Whether a model has no version, whether it counts, and of each field whether it counts for this value."""
    mine = listing.c.asset_id == bindparam("key")
    used = mine & listing.c.status.is_distinct_from(bindparam("archived"))
    return select(
        exists().where(listing.c.id == bindparam("own")),
        exists().where(used),
        exists().where(used, listing.c.licence == bindparam("licence")),
        exists().where(used, listing.c.stage == bindparam("stage")),
        exists().where(mine, listing.c.status == bindparam("status")),
    )


def _rows_of() -> Any:
    """The fields of the rows of a model, without a tag; then each tag that counts, without the fields."""
    mine = listing.c.asset_id == bindparam("key")
    fields = select(*(listing.c[field] for field in FIELDS), null().label("tag")).where(mine)
    nothing = [null().label(field) for field in FIELDS]
    own = select(*nothing, asset_tag.c.key).where(asset_tag.c.asset_id == bindparam("key"))
    of_versions = (
        select(*nothing, version_tag.c.key)
        .join(listing, listing.c.id == version_tag.c.node_id)
        .where(mine, listing.c.status.is_distinct_from(bindparam("archived")))
    )
    return fields.union(own, of_versions)


_KNOWN = Prebuilt(_known)
_ROWS_OF = Prebuilt(_rows_of)
_STATUS = FIELDS.index("status")
_FORGET = Prebuilt(
    lambda: delete(facet).where(
        facet.c.field == bindparam("of"), facet.c.value == bindparam("named"), facet.c.models <= 0
    )
)
_DROP_ROW = Prebuilt(lambda: delete(listing).where(listing.c.id == bindparam("row")))
_FILLING_VERSION = tuple(
    Prebuilt(partial(text, f"INSERT INTO {name} ({CONTENTS[name].columns}) {CONTENTS[name].of_version}"))
    for name in ("listing", "headline")
)


@cache
def _drop(table: Any) -> Any:
    return delete(table).where(table.c.asset_id == bindparam("key"))


@cache
def _change() -> Any:
    return update(listing).where(listing.c.id == bindparam("row"))


@cache
def _filling(name: str) -> Any:
    return text(f"INSERT INTO {name} ({CONTENTS[name].columns}) {CONTENTS[name].of_asset}")
