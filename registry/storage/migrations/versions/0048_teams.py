"""Teams that are closed, and who may see what is in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORD = sa.String(96).with_variant(sa.String(96, collation="C"), "postgresql")


def upgrade() -> None:
    """Every team is open."""
    op.create_table(
        "team",
        sa.Column("folded", _WORD, primary_key=True),
        sa.Column("name", _WORD, nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
    )
    op.create_table(
        "team_member",
        sa.Column("team", _WORD, sa.ForeignKey("team.folded"), primary_key=True),
        sa.Column("person_id", _KEY, sa.ForeignKey("person.id"), primary_key=True, autoincrement=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by", sa.String(64), nullable=False),
    )
    op.create_index("ix_team_member_person_id", "team_member", ["person_id"])


def downgrade() -> None:
    """The version before shows everybody everything, so this is refused while a team is closed."""
    closed = op.get_bind().execute(sa.text("SELECT name FROM team WHERE closed ORDER BY name")).scalars().all()
    if closed:
        raise RuntimeError(f"These teams are closed, and the version before would show them: {', '.join(closed)}")
    op.drop_table("team_member")
    op.drop_table("team")
