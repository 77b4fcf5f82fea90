"""Roles that wait for a second person, who made a token, and accounts of one person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Roles that are held stay; of older tokens it is not known who made them."""
    op.add_column("person", sa.Column("identity", sa.String(64), nullable=False, server_default=""))
    op.add_column("token", sa.Column("made_by", sa.String(64), nullable=False, server_default=""))
    op.create_table(
        "role_offer",
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("offered_by", sa.String(64), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_role_offer_person_id_person"),
        sa.PrimaryKeyConstraint("person_id", "role", name="pk_role_offer"),
    )


def downgrade() -> None:
    """Offers that wait are lost, and so is which accounts are of one person: the audit log keeps both."""
    op.drop_table("role_offer")
    with op.batch_alter_table("token") as batch:
        batch.drop_column("made_by")
    with op.batch_alter_table("person") as batch:
        batch.drop_column("identity")
