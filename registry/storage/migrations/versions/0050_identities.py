"""Accounts of identity providers that people sign in with, and sign-ins that were finished."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """None at first."""
    op.create_table(
        "identity",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("person_id", _KEY, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("issuer", "subject", name="uq_identity_issuer_subject"),
        sa.UniqueConstraint("person_id", "issuer", name="uq_identity_person_id_issuer"),
    )
    op.create_table(
        "finished_sign_in",
        sa.Column("name", sa.LargeBinary(32), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
    )


def downgrade() -> None:
    """People sign in with tokens; who had no other way in gets one from an admin."""
    op.drop_table("finished_sign_in")
    op.drop_table("identity")
