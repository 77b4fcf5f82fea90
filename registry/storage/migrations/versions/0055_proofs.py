"""What made a token, when a session was proved anew, and bindings that ended beside the one that is good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

_PAIR = ["person_id", "issuer"]
_ENDED_BESIDE_A_GOOD_ONE = (
    "DELETE FROM identity WHERE NOT live AND EXISTS (SELECT 1 FROM identity AS good WHERE good.live "
    "AND good.person_id = identity.person_id AND good.issuer = identity.issuer)"
)


def upgrade() -> None:
    """Of tokens from before it is not known what made them; no session has been proved."""
    op.add_column("token", sa.Column("made_with", sa.String(40), nullable=False, server_default=""))
    op.add_column("session", sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("session", sa.Column("proved_by", sa.String(64), nullable=False, server_default=""))
    with op.batch_alter_table("identity") as batch:
        batch.drop_constraint("uq_identity_person_id_issuer", type_="unique")
    live = sa.text("live")
    op.create_index("uq_identity_live", "identity", _PAIR, unique=True, sqlite_where=live, postgresql_where=live)
    op.create_index("ix_identity_person_id_issuer", "identity", _PAIR)


def downgrade() -> None:
    """Of the bindings of a person to accounts of one provider the good one stays, or the last one."""
    op.drop_index("uq_identity_live", "identity")
    op.drop_index("ix_identity_person_id_issuer", "identity")
    op.execute(_ENDED_BESIDE_A_GOOD_ONE)
    op.execute("DELETE FROM identity WHERE id NOT IN (SELECT MAX(id) FROM identity GROUP BY person_id, issuer)")
    with op.batch_alter_table("identity") as batch:
        batch.create_unique_constraint("uq_identity_person_id_issuer", _PAIR)
    with op.batch_alter_table("session") as batch:
        batch.drop_column("proved_by")
        batch.drop_column("proved_at")
    with op.batch_alter_table("token") as batch:
        batch.drop_column("made_with")
