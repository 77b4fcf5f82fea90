"""Addresses of e-mail, and messages to people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """There is none at first."""
    op.create_table(
        "email_address",
        sa.Column("person_id", _KEY, sa.ForeignKey("person.id"), primary_key=True, autoincrement=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("looked_seq", _KEY, nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "mail",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("person_id", _KEY, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("topic", sa.String(120), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", _KEY, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("person_id", "topic"),
    )
    op.create_index("ix_mail_person_id_id", "mail", ["person_id", "id"])
    for name, columns, where in (
        ("ix_mail_waiting", ["next_at"], "state = 'waiting'"),
        ("ix_mail_open", ["state"], "state <> 'delivered'"),
        ("ix_mail_settled", ["tried_at"], "state <> 'waiting'"),
    ):
        op.create_index(name, "mail", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """Addresses are lost."""
    op.drop_table("mail")
    op.drop_table("email_address")
