"""Who agreed to an emergency that takes more than one person, and when it took effect."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Each emergency until now took one person, and effect at once."""
    op.add_column("emergency", sa.Column("needed", _KEY, nullable=False, server_default="1"))
    op.add_column("emergency", sa.Column("effective_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE emergency SET effective_at = declared_at")
    op.create_table(
        "emergency_agreement",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("emergency_id", _KEY, sa.ForeignKey("emergency.id"), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("emergency_id", "person", name="uq_emergency_agreement_emergency_id_person"),
    )


def downgrade() -> None:
    """Emergencies that wait are closed: the former program would take them for promotions."""
    op.execute("UPDATE emergency SET lapsed_at = CURRENT_TIMESTAMP WHERE effective_at IS NULL AND lapsed_at IS NULL")
    op.drop_table("emergency_agreement")
    op.drop_column("emergency", "effective_at")
    op.drop_column("emergency", "needed")
