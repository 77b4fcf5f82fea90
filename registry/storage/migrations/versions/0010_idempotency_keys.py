"""Idempotency keys: which requests were carried out, and what they were answered, for a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A key is written in the transaction of what its request changes; the answer follows."""
    op.create_table(
        "idempotency_key",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("request", sa.LargeBinary(32), nullable=False),
        sa.Column("attempt", sa.String(40), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("media", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_idempotency_key_person_id_person"),
        sa.PrimaryKeyConstraint("person_id", "key", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_until", "idempotency_key", ["until"])


def downgrade() -> None:
    """Requests that are sent again have their effect again."""
    op.drop_table("idempotency_key")
