"""Findings about versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first."""
    op.create_table(
        "finding",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("public_id", sa.String(40), nullable=False, unique=True),
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("request_id", _KEY, sa.ForeignKey("request.id"), nullable=True),
        sa.Column("condition", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_by", sa.String(64), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(64), nullable=False, server_default=""),
        sa.Column("resolution", sa.Text(), nullable=False, server_default=""),
    )
    op.create_index("ix_finding_node_id", "finding", ["node_id"])
    op.create_index("ix_finding_owner", "finding", ["owner"])
    op.create_index("ix_finding_resolved_at_due_at", "finding", ["resolved_at", "due_at"])


def downgrade() -> None:
    """Findings are lost; the audit log keeps that they were raised and resolved."""
    op.drop_table("finding")
