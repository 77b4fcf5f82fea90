"""What is reviewed around a promotion: findings."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text, TypedColumns

from registry.storage.sql.types import Key, UtcDateTime
from registry.storage.tables.base import metadata


class FindingColumns(TypedColumns):
    """One finding about a version, with how it was resolved."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False, index=True)
    request_id = Column(Key, ForeignKey("request.id"), nullable=True)
    condition = Column(Boolean, nullable=False)
    severity = Column(String(16), nullable=False)
    text = Column(Text, nullable=False)
    owner = Column(String(64), nullable=False, index=True)
    due_at = Column(UtcDateTime, nullable=False)
    raised_by = Column(String(64), nullable=False)
    raised_at = Column(UtcDateTime, nullable=False)
    resolved_at = Column(UtcDateTime, nullable=True)
    resolved_by = Column(String(64), nullable=False, server_default="")
    resolution = Column(Text, nullable=False, server_default="")


finding = Table("finding", metadata, FindingColumns, Index("ix_finding_resolved_at_due_at", "resolved_at", "due_at"))
