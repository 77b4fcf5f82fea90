"""What a verdict read is bound to votes too, and rejections that were overruled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Votes of requests that are open were given without it: they are stale, and are asked for again."""
    with op.batch_alter_table("request") as batch:
        batch.add_column(sa.Column("bound_seen", sa.LargeBinary(32), nullable=True))
        batch.add_column(sa.Column("overruled_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("vote") as batch:
        batch.add_column(sa.Column("bound_seen", sa.LargeBinary(32), nullable=True))
        batch.add_column(sa.Column("seen", sa.JSON(), nullable=True))
    op.create_table(
        "overruling",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name="fk_overruling_request_id_request"),
        sa.PrimaryKeyConstraint("id", name="pk_overruling"),
        sa.UniqueConstraint("request_id", "person", name="uq_overruling_request_id_person"),
    )


def downgrade() -> None:
    """The audit log keeps who overruled what."""
    op.drop_table("overruling")
    with op.batch_alter_table("vote") as batch:
        batch.drop_column("seen")
        batch.drop_column("bound_seen")
    with op.batch_alter_table("request") as batch:
        batch.drop_column("overruled_at")
        batch.drop_column("bound_seen")
