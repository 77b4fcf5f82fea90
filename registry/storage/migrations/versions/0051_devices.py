"""Requests of machines without a browser for a token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None at first."""
    op.create_table(
        "device_request",
        sa.Column("name", sa.LargeBinary(32), primary_key=True),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("machine", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.UniqueConstraint("code", name="uq_device_request_code"),
    )
    op.create_index("ix_device_request_expires_at", "device_request", ["expires_at"])


def downgrade() -> None:
    """Machines that wait ask again."""
    op.drop_table("device_request")
