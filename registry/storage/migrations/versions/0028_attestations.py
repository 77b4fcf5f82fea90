"""Until when approvals last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first: no published policy could ask for one."""
    op.create_table(
        "attestation",
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("request", sa.String(40), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("grace", _KEY, nullable=False),
        sa.Column("triggers", sa.String(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, server_default=""),
        sa.Column("warn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lapsed_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("ix_attestation_due_at", "attestation", ["due_at"])
    op.create_index("ix_attestation_warn_at", "attestation", ["warn_at"])


def downgrade() -> None:
    """Due dates are lost, so that approvals last for ever; the audit log keeps that they were set."""
    op.drop_table("attestation")
