"""People, the roles that they were ever given, and their tokens."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    TypedColumns,
    UniqueConstraint,
    false,
)

from registry.storage.sql.types import DigestBytes, Key, UtcDateTime, Word
from registry.storage.tables.base import metadata, partial_index


class PersonColumns(TypedColumns):
    """Someone who may sign in, or a service account."""

    id = Column(Key, primary_key=True)
    handle = Column(Word, nullable=False, unique=True)
    name = Column(String, nullable=False)
    service = Column(Boolean, nullable=False)
    identity = Column(String(64), nullable=False, server_default="")
    """The handle of the account that this one belongs to; empty for one that stands alone."""
    created_at = Column(UtcDateTime, nullable=False)
    key = Column(String(64), nullable=False, server_default="")


class RoleGrantColumns(TypedColumns):
    """A role given and perhaps taken back; rows stay, so that one can tell who could vote when."""

    id = Column(Key, primary_key=True)
    person_id = Column(Key, ForeignKey("person.id"), nullable=False)
    role = Column(String(64), nullable=False)
    granted_at = Column(UtcDateTime, nullable=False)
    granted_by = Column(String, nullable=False)
    revoked_at = Column(UtcDateTime, nullable=True)
    revoked_by = Column(String, nullable=True)


class TokenColumns(TypedColumns):
    """A token: SHA-256 of its secret, never the secret."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    person_id = Column(Key, ForeignKey("person.id"), nullable=False, index=True)
    label = Column(String, nullable=False)
    last_four = Column(String(4), nullable=False)
    secret_hash = Column(DigestBytes, nullable=False, unique=True)
    created_at = Column(UtcDateTime, nullable=False)
    expires_at = Column(UtcDateTime, nullable=False)
    last_used_at = Column(UtcDateTime, nullable=True)
    revoked_at = Column(UtcDateTime, nullable=True)
    made_by = Column(String(64), nullable=False, server_default="")
    scope = Column(String(16), nullable=False, server_default="admin")
    """The most that it allows."""
    teams = Column(String, nullable=False, server_default="")
    """The teams that it is limited to, with commas; empty for one without this limit."""
    step = Column(String(40), nullable=False, server_default="")
    """The id of the step that it is limited to; empty for one without this limit."""
    made_with = Column(String(40), nullable=False, server_default="")
    """The id of the session that made it, itself or by a token of its own; else of the token that did, or a word for
    what else did; empty for one from before this was recorded."""
    enrolment = Column(Boolean, nullable=False, server_default=false())
    """Whether all that it does is to make a token of its person."""
    confirmed_by = Column(String(64), nullable=False, server_default="")
    """Of one for enrolment: who confirmed it; empty as long as it is good for nothing."""


class RoleOfferColumns(TypedColumns):
    """A role that one person offered and another has not confirmed yet."""

    person_id = Column(Key, ForeignKey("person.id"), primary_key=True, autoincrement=False)
    role = Column(String(64), primary_key=True)
    offered_by = Column(String(64), nullable=False)
    offered_at = Column(UtcDateTime, nullable=False)


class SessionColumns(TypedColumns):
    """A session of a browser: SHA-256 of its cookie and of the one before. It stays a year after it has ended."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    person_id = Column(Key, ForeignKey("person.id"), nullable=False, index=True)
    means = Column(String(16), nullable=False)
    token = Column(String(40), nullable=False)
    """The id of the token that it was begun with; empty where there was none."""
    started_at = Column(UtcDateTime, nullable=False)
    used_at = Column(UtcDateTime, nullable=False)
    expires_at = Column(UtcDateTime, nullable=False, index=True)
    ended_at = Column(UtcDateTime, nullable=True)
    name = Column(DigestBytes, nullable=False, unique=True)
    former = Column(DigestBytes, nullable=True, unique=True)
    former_until = Column(UtcDateTime, nullable=True)
    """Until when the cookie before is good; empty as long as the new one has not come back."""
    rotated_at = Column(UtcDateTime, nullable=False)
    proved_at = Column(UtcDateTime, nullable=True)
    """When the person last proved anew who they are."""
    proved_by = Column(String(64), nullable=False, server_default="")
    """Who could give that proof."""


class PasswordColumns(TypedColumns):
    """The password of a person: its Argon2id hash in the PHC format, never the password."""

    person_id = Column(Key, ForeignKey("person.id"), primary_key=True, autoincrement=False)
    hash = Column(String(256), nullable=False)
    set_at = Column(UtcDateTime, nullable=False)
    made_by = Column(String(64), nullable=False)
    """Who could sign in as the person when it was set."""


class IdentityColumns(TypedColumns):
    """An account of an identity provider, and whose it is here for good, also once it is good for nothing."""

    id = Column(Key, primary_key=True)
    person_id = Column(Key, ForeignKey("person.id"), nullable=False)
    issuer = Column(String, nullable=False)
    subject = Column(String(255), nullable=False)
    roles = Column(String, nullable=False)
    """Those that its groups gave, with commas."""
    live = Column(Boolean, nullable=False)
    made_by = Column(String(64), nullable=False)
    bound_at = Column(UtcDateTime, nullable=False)


class FinishedSignInColumns(TypedColumns):
    """SHA-256 of the secret of a sign-in by a provider that was finished; forgotten after a day."""

    name = Column(DigestBytes, primary_key=True)
    at = Column(UtcDateTime, nullable=False, index=True)


class DeviceRequestColumns(TypedColumns):
    """A request of a machine for a token: SHA-256 of its own code. Forgotten once answered, or after its time."""

    name = Column(DigestBytes, primary_key=True)
    code = Column(String(16), nullable=False)
    machine = Column(String, nullable=False)
    client = Column(String, nullable=False)
    address = Column(String, nullable=False)
    scope = Column(String(16), nullable=False)
    days = Column(Integer, nullable=False)
    asked_at = Column(UtcDateTime, nullable=False)
    expires_at = Column(UtcDateTime, nullable=False, index=True)
    state = Column(String(32), nullable=False)
    interval = Column(Integer, nullable=False)
    polled_at = Column(UtcDateTime, nullable=True)
    person = Column(String(64), nullable=False)
    made_by = Column(String(64), nullable=False)


class IdempotencyKeyColumns(TypedColumns):
    """An idempotency key that a request took, and what it was answered; forgotten after a day."""

    person_id = Column(Key, ForeignKey("person.id"), primary_key=True)
    key = Column(String(255), primary_key=True)
    request = Column(DigestBytes, nullable=False)
    attempt = Column(String(40), nullable=False)
    until = Column(UtcDateTime, nullable=False, index=True)
    status = Column(Integer, nullable=True)
    media = Column(String, nullable=False)
    body = Column(LargeBinary, nullable=True)


class TeamColumns(TypedColumns):
    """A team that was closed, opened again, or opened ahead of its first model. Others are open and have no row."""

    folded = Column(Word, primary_key=True)
    name = Column(Word, nullable=False)
    closed = Column(Boolean, nullable=False)
    changed_at = Column(UtcDateTime, nullable=False)
    changed_by = Column(String(64), nullable=False)


class TeamMemberColumns(TypedColumns):
    """The level of a person in a team."""

    team = Column(Word, ForeignKey("team.folded"), primary_key=True)
    person_id = Column(Key, ForeignKey("person.id"), primary_key=True, index=True, autoincrement=False)
    level = Column(String(16), nullable=False)
    given_at = Column(UtcDateTime, nullable=False)
    given_by = Column(String(64), nullable=False)


person = Table("person", metadata, PersonColumns)
role_grant = Table(
    "role_grant",
    metadata,
    RoleGrantColumns,
    partial_index("uq_role_grant_held", "person_id", "role", unique=True, where="revoked_at IS NULL"),
)
role_offer = Table("role_offer", metadata, RoleOfferColumns)
token = Table("token", metadata, TokenColumns)
session = Table("session", metadata, SessionColumns)
password = Table("password", metadata, PasswordColumns)
identity = Table(
    "identity",
    metadata,
    IdentityColumns,
    UniqueConstraint("issuer", "subject", name="uq_identity_issuer_subject"),
    partial_index("uq_identity_live", "person_id", "issuer", unique=True, where="live"),
    Index("ix_identity_person_id_issuer", "person_id", "issuer"),
)
finished_sign_in = Table("finished_sign_in", metadata, FinishedSignInColumns)
device_request = Table(
    "device_request", metadata, DeviceRequestColumns, UniqueConstraint("code", name="uq_device_request_code")
)
idempotency_key = Table("idempotency_key", metadata, IdempotencyKeyColumns)
team = Table("team", metadata, TeamColumns)
team_member = Table("team_member", metadata, TeamMemberColumns)
