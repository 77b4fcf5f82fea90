"""What is reviewed around a promotion: findings and waivers."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text, TypedColumns, UniqueConstraint

from registry.storage.sql.types import DigestBytes, Key, UtcDateTime
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


class WaiverColumns(TypedColumns):
    """One waiver of one gate for one version."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False, index=True)
    artifact = Column(DigestBytes, nullable=False)
    gate = Column(String(64), nullable=False)
    reason = Column(Text, nullable=False)
    until_at = Column(UtcDateTime, nullable=False)
    quorum = Column(Key, nullable=False)
    asked_by = Column(String(64), nullable=False)
    asked_at = Column(UtcDateTime, nullable=False)
    granted_at = Column(UtcDateTime, nullable=True)
    ended_at = Column(UtcDateTime, nullable=True)
    ended_by = Column(String(64), nullable=False, server_default="")


class WaiverApprovalColumns(TypedColumns):
    """One person who agreed to a waiver, append-only."""

    id = Column(Key, primary_key=True)
    waiver_id = Column(Key, ForeignKey("waiver.id"), nullable=False)
    person = Column(String(64), nullable=False)
    comment = Column(Text, nullable=False)
    at = Column(UtcDateTime, nullable=False)


waiver = Table("waiver", metadata, WaiverColumns)
waiver_approval = Table("waiver_approval", metadata, WaiverApprovalColumns, UniqueConstraint("waiver_id", "person"))


class EmergencyColumns(TypedColumns):
    """One promotion in an emergency, and what became of its review."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    request_id = Column(Key, ForeignKey("request.id"), nullable=False, unique=True)
    incident = Column(String(80), nullable=False)
    reason = Column(Text, nullable=False)
    declared_by = Column(String(64), nullable=False)
    declared_at = Column(UtcDateTime, nullable=False)
    due_at = Column(UtcDateTime, nullable=False)
    quorum = Column(Key, nullable=False)
    reviewed_at = Column(UtcDateTime, nullable=True)
    lapsed_at = Column(UtcDateTime, nullable=True)
    needed = Column(Key, nullable=False, server_default="1")
    effective_at = Column(UtcDateTime, nullable=True)


class EmergencyAgreementColumns(TypedColumns):
    """One person who agreed that an emergency takes effect, append-only."""

    id = Column(Key, primary_key=True)
    emergency_id = Column(Key, ForeignKey("emergency.id"), nullable=False)
    person = Column(String(64), nullable=False)
    comment = Column(Text, nullable=False)
    at = Column(UtcDateTime, nullable=False)


class EmergencyReviewColumns(TypedColumns):
    """One person who agreed with an emergency afterwards, append-only."""

    id = Column(Key, primary_key=True)
    emergency_id = Column(Key, ForeignKey("emergency.id"), nullable=False)
    person = Column(String(64), nullable=False)
    comment = Column(Text, nullable=False)
    at = Column(UtcDateTime, nullable=False)


emergency = Table("emergency", metadata, EmergencyColumns)
emergency_agreement = Table(
    "emergency_agreement", metadata, EmergencyAgreementColumns, UniqueConstraint("emergency_id", "person")
)
emergency_review = Table(
    "emergency_review", metadata, EmergencyReviewColumns, UniqueConstraint("emergency_id", "person")
)


class AttestationColumns(TypedColumns):
    """Until when the approval of one version in its stage lasts; `grace` in seconds."""

    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    stage = Column(String, nullable=False)
    request = Column(String(40), nullable=False)
    policy = Column(String, nullable=False)
    since = Column(UtcDateTime, nullable=False)
    due_at = Column(UtcDateTime, nullable=True, index=True)
    grace = Column(Key, nullable=False)
    triggers = Column(String, nullable=False)
    cause = Column(Text, nullable=False, server_default="")
    warn_at = Column(UtcDateTime, nullable=True, index=True)
    lapsed_at = Column(UtcDateTime, nullable=True)


attestation = Table("attestation", metadata, AttestationColumns)
