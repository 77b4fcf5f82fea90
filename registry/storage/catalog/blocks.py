"""All rows of `listing` packed in blocks, each with up to a thousand models: what facets are counted from.

Whoever changes a model notes its key (`changes`) in the same transaction. A noted model is read from its own rows
instead of its block, so that what is counted is exact whether blocks are old or not there at all. `refresh` packs the
blocks of noted models anew: a server does that again and again, so that never many are read row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from registry.storage.catalog import changes
from registry.storage.catalog.columns import Columns, Values, joined, read, unpack
from registry.storage.sql.upsert import upsert
from registry.storage.tables import facet_block, facet_change, facet_value, listing

SIZE = 1024
"""Keys of one block: block 0 has the models with keys below that."""


def whole(connection: Connection) -> tuple[Columns, Values]:
    """Every row as it is now."""
    values = _known(connection)
    blocks = joined([unpack(row.packed, row.id * SIZE) for row in connection.execute(_blocks())])
    changed = connection.scalars(changes.noted()).all()
    return joined([blocks.without(changed), read(connection, changed, values)]) if changed else blocks, values


def refresh(connection: Connection) -> None:
    """Pack the first block with noted models anew."""
    first = connection.scalars(changes.noted().order_by(facet_change.c.asset_id).limit(1)).one_or_none()
    if first is not None:
        _pack(connection, first // SIZE, _known(connection))


def rebuild(connection: Connection) -> None:
    """Make every block anew."""
    for table in (facet_block, facet_value, facet_change):
        connection.execute(delete(table))
    values = Values()
    for block in _numbers(connection):
        _pack(connection, block, values)


def count_faults(connection: Connection) -> int:
    """How many rows, and tags of them, are counted that are not there, or are there and are not counted."""
    counted, values = whole(connection)
    kept, faults = _facts(counted), 0
    for block in _numbers(connection):
        models = connection.scalars(_models(), _between(block)).all()
        wanted = _facts(read(connection, models, values))
        faults += len(wanted - kept)
        kept -= wanted
    return faults + len(kept)


def _facts(columns: Columns) -> set[tuple[object, ...]]:
    """Each row, and each key of a tag with its model or its version."""
    rows = zip(columns.ids.tolist(), columns.models.tolist(), map(tuple, columns.fields.T.tolist()), strict=True)
    own = zip(columns.models[columns.own_tags[:, 0]].tolist(), columns.own_tags[:, 1].tolist(), strict=True)
    others = zip(columns.ids[columns.version_tags[:, 0]].tolist(), columns.version_tags[:, 1].tolist(), strict=True)
    return {*rows, *(("model", *one) for one in own), *(("version", *one) for one in others)}


def _pack(connection: Connection, block: int, values: Values) -> None:
    """Write the block as its models are now, and what its values are called."""
    models = connection.scalars(_models(), _between(block)).all()
    packed = read(connection, models, values).pack(block * SIZE)
    if new := values.take_new():
        named = [{"id": number, "field": field, "value": value} for number, field, value in new]
        connection.execute(insert(facet_value), named)
    upsert(connection, facet_block, [{"id": block, "packed": packed}], ("id",))
    connection.execute(_forget(), _between(block))


def _known(connection: Connection) -> Values:
    return Values((row.id, row.field, row.value) for row in connection.execute(_values()))


def _numbers(connection: Connection) -> Sequence[int]:
    """The blocks that have models, by the largest key."""
    last = connection.scalars(_last()).one()
    return range(0 if last is None else last // SIZE + 1)


def _between(block: int) -> dict[str, int]:
    return {"first": block * SIZE, "last": block * SIZE + SIZE - 1}


@cache
def _blocks() -> Any:
    return select(facet_block).order_by(facet_block.c.id)


@cache
def _values() -> Any:
    return select(facet_value)


@cache
def _last() -> Any:
    return select(func.max(listing.c.asset_id))


@cache
def _models() -> Any:
    mine = select(listing.c.asset_id).distinct()
    return mine.where(listing.c.asset_id.between(bindparam("first"), bindparam("last")))


@cache
def _forget() -> Any:
    return delete(facet_change).where(facet_change.c.asset_id.between(bindparam("first"), bindparam("last")))
