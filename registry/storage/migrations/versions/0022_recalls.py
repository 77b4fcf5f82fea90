"""Recalls, the versions that they mark, and the aliases that they moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "recall",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("public_id", sa.String(40), nullable=False, unique=True),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("reason_class", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("outputs_advisory", sa.Boolean(), nullable=False),
        sa.Column("opened_by", sa.String(64), nullable=False),
        sa.Column("opened_at", moment, nullable=False),
        sa.Column("reversed_at", moment, nullable=True),
        sa.Column("reversed_by", sa.String(64), nullable=False, server_default=""),
        sa.Column("reversed_reason", sa.Text(), nullable=False, server_default=""),
    )
    op.create_table(
        "recall_mark",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("recall_id", _KEY, sa.ForeignKey("recall.id"), nullable=False),
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("effect", sa.String(16), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=True),
        sa.Column("before_status", sa.String(16), nullable=False),
        sa.Column("before_reason", sa.Text(), nullable=False),
        sa.Column("disposition", sa.String(16), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False, server_default=""),
        sa.Column("replacement", sa.Text(), nullable=False, server_default=""),
        sa.Column("until", moment, nullable=True),
        sa.Column("proposed_by", sa.String(64), nullable=False, server_default=""),
        sa.Column("proposed_at", moment, nullable=True),
        sa.Column("confirmed_by", sa.String(64), nullable=False, server_default=""),
        sa.Column("confirmed_at", moment, nullable=True),
        sa.UniqueConstraint("recall_id", "node_id"),
    )
    op.create_index("ix_recall_mark_node_id", "recall_mark", ["node_id"])
    op.create_table(
        "recall_alias",
        sa.Column("recall_id", _KEY, sa.ForeignKey("recall.id"), primary_key=True, autoincrement=False),
        sa.Column("node_id", _KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("alias", sa.String(64), primary_key=True),
        sa.Column("moved_to", _KEY, sa.ForeignKey("version.node_id"), nullable=False),
    )


def downgrade() -> None:
    """What is withheld stays so by its status; tasks are lost, and the audit log keeps what was decided."""
    op.drop_table("recall_alias")
    op.drop_table("recall_mark")
    op.drop_table("recall")
