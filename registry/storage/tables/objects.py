"""What checks of stored objects found: damage, the progress of a check, and when a version was checked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, String, Table, Text, TypedColumns

from registry.storage.sql.types import DigestBytes, Key, UtcDateTime
from registry.storage.tables.base import metadata


class DamageColumns(TypedColumns):
    """One thing of a version that is damaged or missing. A version with a row here is damaged."""

    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    form = Column(String(16), primary_key=True)
    digest = Column(DigestBytes, primary_key=True, index=True)
    place = Column(Text, nullable=False)
    """Where the version needs it: the path of a file, `row index`, `evidence ev-…`, …"""
    fault = Column(String(16), nullable=False)
    found_at = Column(UtcDateTime, nullable=False)


class StoreCheckColumns(TypedColumns):
    """One check of all stored objects. Without an end it can be continued after the object `position`."""

    id = Column(Key, primary_key=True)
    started_at = Column(UtcDateTime, nullable=False)
    updated_at = Column(UtcDateTime, nullable=False)
    ended_at = Column(UtcDateTime, nullable=True)
    started_by = Column(String, nullable=False)
    position = Column(DigestBytes, nullable=True)
    objects = Column(Key, nullable=False)
    size = Column(Key, nullable=False)
    total = Column(Key, nullable=False)
    faults = Column(Key, nullable=False)


class VersionCheckColumns(TypedColumns):
    """When all bytes of a version were last read and found to be those that were registered."""

    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    checked_at = Column(UtcDateTime, nullable=False)
    files = Column(Key, nullable=False)
    size = Column(Key, nullable=False)
    scan: Column[Any] = Column(JSON(none_as_null=True), nullable=True)


damage = Table("damage", metadata, DamageColumns)
store_check = Table("store_check", metadata, StoreCheckColumns)
version_check = Table("version_check", metadata, VersionCheckColumns)
