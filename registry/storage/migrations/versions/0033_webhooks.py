"""Webhooks, and the messages that were or will be sent to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first."""
    op.create_table(
        "webhook",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("public_id", sa.String(40), nullable=False, unique=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("cursor", _KEY, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "delivery",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("webhook_id", _KEY, sa.ForeignKey("webhook.id"), nullable=False),
        sa.Column("seq", _KEY, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", _KEY, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("webhook_id", "seq"),
    )
    op.create_index("ix_delivery_webhook_id_id", "delivery", ["webhook_id", "id"])
    for name, columns, where in (
        ("ix_delivery_waiting", ["next_at"], "state = 'waiting'"),
        ("ix_delivery_open", ["webhook_id", "state"], "state <> 'delivered'"),
        ("ix_delivery_settled", ["tried_at"], "state <> 'waiting'"),
    ):
        op.create_index(name, "delivery", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """Webhooks are lost; what was sent stays in the audit log."""
    op.drop_table("delivery")
    op.drop_table("webhook")
