"""Waivers of gates, and who agreed to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first."""
    op.create_table(
        "waiver",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("public_id", sa.String(40), nullable=False, unique=True),
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("artifact", sa.LargeBinary(32), nullable=False),
        sa.Column("gate", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quorum", _KEY, nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(64), nullable=False, server_default=""),
    )
    op.create_index("ix_waiver_node_id", "waiver", ["node_id"])
    op.create_table(
        "waiver_approval",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("waiver_id", _KEY, sa.ForeignKey("waiver.id"), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("waiver_id", "person", name="uq_waiver_approval_waiver_id_person"),
    )


def downgrade() -> None:
    """Waivers are lost, and with them what they excepted; the audit log keeps that they were given."""
    op.drop_table("waiver_approval")
    op.drop_table("waiver")
