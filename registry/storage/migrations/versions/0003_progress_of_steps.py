"""Progress of steps as people watch it, and curve points numbered in the order in which they were written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Points that are there are numbered in the order in which curves were read so far."""
    op.add_column("step", sa.Column("progress", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("curve_point", sa.Column("number", KEY, nullable=True))
    op.execute(
        "UPDATE curve_point SET number = (SELECT count(*) FROM curve_point AS other "
        "WHERE other.step_id = curve_point.step_id AND (other.step, other.epoch, other.role, other.name) "
        "<= (curve_point.step, curve_point.epoch, curve_point.role, curve_point.name))"
    )
    with op.batch_alter_table("curve_point") as batch:
        batch.alter_column("number", existing_type=KEY, nullable=False)


def downgrade() -> None:
    """What was watched is forgotten; the points stay."""
    with op.batch_alter_table("curve_point") as batch:
        batch.drop_column("number")
    with op.batch_alter_table("step") as batch:
        batch.drop_column("progress")
