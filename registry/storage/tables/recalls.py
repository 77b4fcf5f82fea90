"""Recalls: what was taken back, the versions that each marks, and the aliases that it moved."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text, TypedColumns, UniqueConstraint

from registry.storage.sql.types import Key, UtcDateTime
from registry.storage.tables.base import metadata


class RecallColumns(TypedColumns):
    """One recall, with how it was reversed."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    target = Column(Text, nullable=False)
    level = Column(String(16), nullable=False)
    reason_class = Column(String(16), nullable=False)
    reason = Column(Text, nullable=False)
    outputs_advisory = Column(Boolean, nullable=False)
    opened_by = Column(String(64), nullable=False)
    opened_at = Column(UtcDateTime, nullable=False)
    reversed_at = Column(UtcDateTime, nullable=True)
    reversed_by = Column(String(64), nullable=False, server_default="")
    reversed_reason = Column(Text, nullable=False, server_default="")


class RecallMarkColumns(TypedColumns):
    """One version that a recall reaches: what it wrote there, what was there before, and what becomes of it."""

    id = Column(Key, primary_key=True)
    recall_id = Column(Key, ForeignKey("recall.id"), nullable=False)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False)
    effect = Column(String(16), nullable=False)
    path = Column(Text, nullable=False)
    """The keys of the nodes from the target to this one, with spaces between."""
    status = Column(String(16), nullable=True)
    """What the recall wrote; none where it withholds nothing, or does no more."""
    before_status = Column(String(16), nullable=False)
    before_reason = Column(Text, nullable=False)
    disposition = Column(String(16), nullable=True)
    comment = Column(Text, nullable=False, server_default="")
    replacement = Column(Text, nullable=False, server_default="")
    until = Column(UtcDateTime, nullable=True)
    proposed_by = Column(String(64), nullable=False, server_default="")
    proposed_at = Column(UtcDateTime, nullable=True)
    confirmed_by = Column(String(64), nullable=False, server_default="")
    confirmed_at = Column(UtcDateTime, nullable=True)


class RecallAliasColumns(TypedColumns):
    """A protected alias that a recall moved to an earlier version."""

    recall_id = Column(Key, ForeignKey("recall.id"), primary_key=True, autoincrement=False)
    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    alias = Column(String(64), primary_key=True)
    moved_to = Column(Key, ForeignKey("version.node_id"), nullable=False)


class DownloadColumns(TypedColumns):
    """What one person read of one version on one day with one token."""

    id = Column(Key, primary_key=True)
    person_id = Column(Key, ForeignKey("person.id"), nullable=False)
    token = Column(String(40), nullable=False)
    node_id = Column(Key, ForeignKey("node.id"), nullable=False)
    day = Column(String(10), nullable=False)
    first_at = Column(UtcDateTime, nullable=False)
    last_at = Column(UtcDateTime, nullable=False)
    reads = Column(Key, nullable=False)


download = Table("download", metadata, DownloadColumns, UniqueConstraint("node_id", "day", "person_id", "token"))
recall = Table("recall", metadata, RecallColumns)
recall_mark = Table(
    "recall_mark",
    metadata,
    RecallMarkColumns,
    UniqueConstraint("recall_id", "node_id"),
    Index("ix_recall_mark_node_id", "node_id"),
)
recall_alias = Table("recall_alias", metadata, RecallAliasColumns)
