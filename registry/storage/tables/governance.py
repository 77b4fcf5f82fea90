"""Evidence, policies, promotion requests, votes, and the audit chain."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
)

from registry.storage.sql.types import DigestBytes, Key, Label, UtcDateTime
from registry.storage.tables.base import metadata


class EvidenceColumns(TypedColumns):
    """Facts about one version, bound to its content digest."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False, index=True)
    subject = Column(DigestBytes, nullable=False, index=True)
    type = Column(String, nullable=False)
    digest = Column(DigestBytes, nullable=False)
    body: Column[Any] = Column(JSON, nullable=False)
    file = Column(DigestBytes, nullable=True)
    file_name = Column(String, nullable=True)
    added_at = Column(UtcDateTime, nullable=False)
    added_by = Column(String, nullable=False)


class PolicyColumns(TypedColumns):
    """One published policy; it never changes again."""

    id = Column(Key, primary_key=True)
    name = Column(String, nullable=False)
    version = Column(Key, nullable=False)
    digest = Column(DigestBytes, nullable=False)
    text = Column(Text, nullable=False)
    published_at = Column(UtcDateTime, nullable=False)
    published_by = Column(String, nullable=False)


class PolicyProposalColumns(TypedColumns):
    """A policy that somebody proposed."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    name = Column(String, nullable=False)
    version = Column(Key, nullable=False)
    digest = Column(DigestBytes, nullable=False)
    text = Column(Text, nullable=False)
    proposed_by = Column(String, nullable=False)
    proposed_at = Column(UtcDateTime, nullable=False)
    state = Column(String(16), nullable=False, index=True)
    closed_at = Column(UtcDateTime, nullable=True)


class PolicyVoteColumns(TypedColumns):
    """One vote on a proposed policy, append-only."""

    id = Column(Key, primary_key=True)
    proposal_id = Column(Key, ForeignKey("policy_proposal.id"), nullable=False, index=True)
    voter = Column(String, nullable=False)
    value = Column(String(16), nullable=False)
    comment = Column(Text, nullable=False)
    voted_at = Column(UtcDateTime, nullable=False)


class RequestColumns(TypedColumns):
    """One promotion request, with the digests that votes bind to as they were when it was opened."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False, index=True)
    from_stage = Column(String, nullable=False)
    to_stage = Column(String, nullable=False)
    alias = Column(String(64), nullable=True)
    state = Column(String(16), nullable=False, index=True)
    requested_by = Column(String, nullable=False)
    requested_at = Column(UtcDateTime, nullable=False)
    closed_at = Column(UtcDateTime, nullable=True)
    comment = Column(Text, nullable=False)
    policy = Column(String, nullable=False)
    policy_digest = Column(DigestBytes, nullable=False)
    bound_artifact = Column(DigestBytes, nullable=False)
    bound_lineage = Column(DigestBytes, nullable=False)
    bound_policy = Column(DigestBytes, nullable=False)
    bound_evidence = Column(DigestBytes, nullable=False)
    bound_seen = Column(DigestBytes, nullable=True)
    verdict: Column[Any] = Column(JSON, nullable=False)
    overruled_at = Column(UtcDateTime, nullable=True)


class VoteColumns(TypedColumns):
    """One vote, append-only, with the roles of the voter at the time."""

    id = Column(Key, primary_key=True)
    request_id = Column(Key, ForeignKey("request.id"), nullable=False, index=True)
    voter = Column(String, nullable=False)
    roles: Column[Any] = Column(JSON, nullable=False)
    value = Column(String, nullable=False)
    comment = Column(Text, nullable=False)
    voted_at = Column(UtcDateTime, nullable=False)
    bound_artifact = Column(DigestBytes, nullable=False)
    bound_lineage = Column(DigestBytes, nullable=False)
    bound_policy = Column(DigestBytes, nullable=False)
    bound_evidence = Column(DigestBytes, nullable=False)
    bound_seen = Column(DigestBytes, nullable=True)
    seen: Column[Any] = Column(JSON, nullable=True)
    conditions: Column[Any] = Column(JSON, nullable=True)
    signature: Column[Any] = Column(JSON(none_as_null=True), nullable=True)


class OverrulingColumns(TypedColumns):
    """One person's decision that a rejection of a request stands no longer, append-only."""

    id = Column(Key, primary_key=True)
    request_id = Column(Key, ForeignKey("request.id"), nullable=False)
    person = Column(String, nullable=False)
    comment = Column(Text, nullable=False)
    at = Column(UtcDateTime, nullable=False)


class AuditEntryColumns(TypedColumns):
    """The chain. `subject` and `action` repeat the body, to be found by; only the body and its hashes are evidence.

    Triggers refuse to change or delete a row (see the first migration).
    """

    seq = Column(Key, primary_key=True, autoincrement=False)
    body = Column(LargeBinary, nullable=False)
    previous = Column(DigestBytes, nullable=False)
    leaf = Column(DigestBytes, nullable=False)
    entry = Column(DigestBytes, nullable=False)
    subject = Column(Label, nullable=False)
    action = Column(String, nullable=False)


class AuditIndexColumns(TypedColumns):
    """Who made an entry of the chain, and when, as its body says: to be found by, no evidence."""

    seq = Column(Key, primary_key=True, autoincrement=False)
    actor = Column(String, nullable=False)
    at = Column(UtcDateTime, nullable=False, index=True)


class AuditNodeColumns(TypedColumns):
    """The inner nodes of the Merkle tree over the chain (RFC 6962): each the hash over 2^level entries, once whole.

    Made from the entries when a checkpoint is signed; triggers refuse to change or delete a row.
    """

    level = Column(Key, primary_key=True, autoincrement=False)
    place = Column(Key, primary_key=True, autoincrement=False)
    hash = Column(DigestBytes, nullable=False)


class AuditErasureColumns(TypedColumns):
    """Entries from which a person was erased: triggers let their bodies be changed, and nothing else of them.

    This table proves nothing: a changed body counts only where a later entry of the chain has its hash.
    """

    seq = Column(Key, primary_key=True, autoincrement=False)
    erased_at = Column(UtcDateTime, nullable=False)


evidence = Table("evidence", metadata, EvidenceColumns)
policy = Table("policy", metadata, PolicyColumns, UniqueConstraint("name", "version"))
policy_proposal = Table("policy_proposal", metadata, PolicyProposalColumns)
policy_vote = Table("policy_vote", metadata, PolicyVoteColumns)
request = Table("request", metadata, RequestColumns)
vote = Table("vote", metadata, VoteColumns)
overruling = Table("overruling", metadata, OverrulingColumns, UniqueConstraint("request_id", "person"))
audit_entry = Table(
    "audit_entry",
    metadata,
    AuditEntryColumns,
    Index("ix_audit_entry_subject_seq", "subject", "seq"),
    Index("ix_audit_entry_action_seq", "action", "seq"),
)
audit_index = Table("audit_index", metadata, AuditIndexColumns, Index("ix_audit_index_actor_seq", "actor", "seq"))
audit_node = Table("audit_node", metadata, AuditNodeColumns)
audit_erasure = Table("audit_erasure", metadata, AuditErasureColumns)
