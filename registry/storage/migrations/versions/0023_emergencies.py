"""Promotions in an emergency, and their reviews."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first."""
    op.create_table(
        "emergency",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("public_id", sa.String(40), nullable=False, unique=True),
        sa.Column("request_id", _KEY, sa.ForeignKey("request.id"), nullable=False, unique=True),
        sa.Column("incident", sa.String(80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("declared_by", sa.String(64), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quorum", _KEY, nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lapsed_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "emergency_review",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("emergency_id", _KEY, sa.ForeignKey("emergency.id"), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("emergency_id", "person", name="uq_emergency_review_emergency_id_person"),
    )


def downgrade() -> None:
    """Emergencies are lost, so that what was not reviewed stays; the audit log keeps that they were declared."""
    op.drop_table("emergency_review")
    op.drop_table("emergency")
