"""Drafts of models, and the objects that were sent for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORD = sa.String(96).with_variant(sa.String(96, collation="C"), "postgresql")


def upgrade() -> None:
    """There is none at first."""
    op.create_table(
        "draft",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("name", _WORD, nullable=False, unique=True),
        sa.Column("folded", _WORD, nullable=False, unique=True),
        sa.Column("head", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "draft_file",
        sa.Column("draft_id", _KEY, sa.ForeignKey("draft.id"), primary_key=True, autoincrement=False),
        sa.Column("path", sa.Text(), primary_key=True),
        sa.Column("size", _KEY, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
    )
    op.create_index("ix_draft_file_digest", "draft_file", ["digest"])
    op.create_table(
        "sent_object",
        sa.Column("handle", sa.String(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("size", _KEY, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_sent_object_digest", "sent_object", ["digest"])


def downgrade() -> None:
    """Drafts are lost; versions that were made of them stay."""
    op.drop_table("sent_object")
    op.drop_table("draft_file")
    op.drop_table("draft")
