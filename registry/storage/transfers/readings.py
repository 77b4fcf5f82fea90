"""Rows of readings: which bytes of which versions were given out to a program that will record its step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from lineage import Digest
from registry.domain.names import VersionRef
from registry.errors import NotFoundError
from registry.storage.catalog.assets import find_version
from registry.storage.catalog.versions import refs_of
from registry.storage.tables import reading_part

KEPT = timedelta(days=30)
"""How long a reading of which no step was recorded is kept."""


def add(connection: Connection, reading: Digest, ref: VersionRef, start: int, stop: int, at: datetime) -> None:
    """The bytes from `start` to before `stop` were given out. Old readings are removed."""
    found = find_version(connection, ref)
    if found is None:
        raise NotFoundError(f"There is no version {ref}")
    connection.execute(delete(reading_part).where(reading_part.c.at < at - KEPT))
    row = {"reading": reading, "node_id": found.node_id, "start": start, "stop": stop, "at": at}
    connection.execute(insert(reading_part).values(row))


def parts(connection: Connection, reading: Digest) -> Mapping[VersionRef, Sequence[tuple[int, int]]]:
    """The parts of each version, in order of their start."""
    query = select(reading_part).where(reading_part.c.reading == reading).order_by(reading_part.c.start)
    rows = connection.execute(query).all()
    refs = refs_of(connection, {row.node_id for row in rows})
    found: dict[VersionRef, list[tuple[int, int]]] = {}
    for row in rows:
        if row.node_id in refs:
            found.setdefault(refs[row.node_id], []).append((row.start, row.stop))
    return found


def forget(connection: Connection, reading: Digest) -> None:
    """Its step is recorded."""
    connection.execute(delete(reading_part).where(reading_part.c.reading == reading))
