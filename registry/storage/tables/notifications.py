"""Webhooks, addresses of e-mail, and the messages that were or will be sent to both."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table, Text, TypedColumns, UniqueConstraint

from registry.storage.sql.types import DigestBytes, Key, UtcDateTime
from registry.storage.tables.base import metadata, partial_index


class WebhookColumns(TypedColumns):
    """An address, and which entries of the audit log it is sent. Its secret is made from the registry's key."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    url = Column(Text, nullable=False)
    events: Column[Any] = Column(JSON, nullable=False)
    fingerprint = Column(DigestBytes, nullable=False)
    """Tells whether the secret that is made now is the one that was shown."""
    cursor = Column(Key, nullable=False)
    """The entry up to which messages were written."""
    created_at = Column(UtcDateTime, nullable=False)
    created_by = Column(String, nullable=False)
    stopped_at = Column(UtcDateTime, nullable=True)


class DeliveryColumns(TypedColumns):
    """One message. Who sends it moves `next_at` on first, so that no other process sends it meanwhile."""

    id = Column(Key, primary_key=True)
    webhook_id = Column(Key, ForeignKey("webhook.id"), nullable=False)
    seq = Column(Key, nullable=False)
    state = Column(String(16), nullable=False)
    attempts = Column(Key, nullable=False)
    problem = Column(Text, nullable=False)
    tried_at = Column(UtcDateTime, nullable=True)
    next_at = Column(UtcDateTime, nullable=False)


class EmailAddressColumns(TypedColumns):
    """Where a person is told of what waits for them, and what of the audit log their inbox was last looked at for."""

    person_id = Column(Key, ForeignKey("person.id"), primary_key=True, autoincrement=False)
    address = Column(String(254), nullable=False)
    looked_seq = Column(Key, nullable=False)
    looked_at = Column(UtcDateTime, nullable=True)


class MailColumns(TypedColumns):
    """One message to a person; there is one for each topic."""

    id = Column(Key, primary_key=True)
    person_id = Column(Key, ForeignKey("person.id"), nullable=False)
    topic = Column(String(120), nullable=False)
    subject = Column(Text, nullable=False)
    text = Column(Text, nullable=False)
    state = Column(String(16), nullable=False)
    attempts = Column(Key, nullable=False)
    problem = Column(Text, nullable=False)
    tried_at = Column(UtcDateTime, nullable=True)
    next_at = Column(UtcDateTime, nullable=False)


WAITING = "state = 'waiting'"
OPEN = "state <> 'delivered'"
SETTLED = "state <> 'waiting'"
"""Conditions of indexes; a statement uses one only if it says the same words."""
webhook = Table("webhook", metadata, WebhookColumns)
delivery = Table(
    "delivery",
    metadata,
    DeliveryColumns,
    UniqueConstraint("webhook_id", "seq"),
    Index("ix_delivery_webhook_id_id", "webhook_id", "id"),
    partial_index("ix_delivery_waiting", "next_at", where=WAITING),
    partial_index("ix_delivery_open", "webhook_id", "state", where=OPEN),
    partial_index("ix_delivery_settled", "tried_at", where=SETTLED),
)
email_address = Table("email_address", metadata, EmailAddressColumns)
mail = Table(
    "mail",
    metadata,
    MailColumns,
    UniqueConstraint("person_id", "topic"),
    Index("ix_mail_person_id_id", "person_id", "id"),
    partial_index("ix_mail_waiting", "next_at", where=WAITING),
    partial_index("ix_mail_open", "state", where=OPEN),
    partial_index("ix_mail_settled", "tried_at", where=SETTLED),
)
