"""Passwords of people, as hashes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Nobody has one yet."""
    op.create_table(
        "password",
        sa.Column("person_id", _KEY, sa.ForeignKey("person.id"), primary_key=True, autoincrement=False),
        sa.Column("hash", sa.String(256), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    """They are gone; tokens stay."""
    op.drop_table("password")
