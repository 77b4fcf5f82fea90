"""What a search over models reads, beside the models: rows by version, headline metrics, counts of facets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Types as they were in this revision: a migration never imports what may change later.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FIELDS = ("task", "modality", "origin", "owner", "licence", "stage", "status")


def upgrade() -> None:
    """Tables and the indexes in whose order pages are read; `fill` writes the rows."""
    op.create_table(
        "listing",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("asset_id", KEY, nullable=False),
        sa.Column("number", KEY, nullable=False),
        *(sa.Column(field, sa.String(), nullable=False) for field in FIELDS[:4]),
        *(sa.Column(field, sa.String(), nullable=True) for field in FIELDS[4:]),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name="fk_listing_asset_id_asset"),
        sa.PrimaryKeyConstraint("id", name="pk_listing"),
    )
    op.create_table(
        "headline",
        sa.Column("listing_id", KEY, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("asset_id", KEY, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name="fk_headline_asset_id_asset"),
        sa.PrimaryKeyConstraint("listing_id", "name", name="pk_headline"),
    )
    op.create_table(
        "facet",
        sa.Column("field", sa.String(16), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("models", KEY, nullable=False),
        sa.PrimaryKeyConstraint("field", "value", name="pk_facet"),
    )
    fill()
    op.create_index("ix_listing_asset_id_number", "listing", ["asset_id", "number"])
    for field in FIELDS:
        op.create_index(f"ix_listing_{field}_asset_id", "listing", [field, "asset_id"])
    op.create_index("ix_headline_asset_id", "headline", ["asset_id"])
    op.create_index("ix_headline_name_value_asset_id", "headline", ["name", "value", "asset_id"])
    for key in ("updated_at", "created_at", "name"):
        op.create_index(f"ix_asset_kind_{key}_id", "asset", ["kind", key, "id"])
    for table in ("asset_tag", "version_tag"):
        op.drop_index(f"ix_{table}_key", table)
        op.create_index(f"ix_{table}_key_value", table, ["key", "value"])


def fill() -> None:
    """The rows as the tables of models have them."""
    op.execute(
        "INSERT INTO listing (id, asset_id, number, task, modality, origin, owner, licence, stage, status) "
        "SELECT v.node_id, a.id, v.number, a.task, a.modality, a.origin, a.owner, v.licence, m.stage, m.status "
        "FROM asset a JOIN version v ON v.asset_id = a.id JOIN model_version m ON m.node_id = v.node_id "
        "WHERE a.kind = 'models' AND a.deleted_at IS NULL AND v.deleted_at IS NULL"
    )
    op.execute(
        "INSERT INTO listing (id, asset_id, number, task, modality, origin, owner) "
        "SELECT -a.id, a.id, 0, a.task, a.modality, a.origin, a.owner FROM asset a "
        "WHERE a.kind = 'models' AND a.deleted_at IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM version v WHERE v.asset_id = a.id AND v.deleted_at IS NULL)"
    )
    op.execute(
        "INSERT INTO headline (listing_id, name, asset_id, value) "
        "SELECT l.id, h.name, l.asset_id, h.value FROM listing l JOIN version v ON v.node_id = l.id "
        "JOIN metric h ON h.step_id = v.step_id AND h.role = 'test' AND h.value IS NOT NULL WHERE h.id = "
        "(SELECT min(f.id) FROM metric f WHERE f.step_id = h.step_id AND f.name = h.name AND f.role = 'test')"
    )
    for field in FIELDS:
        used = "" if field == "status" else " AND (status <> 'archived' OR status IS NULL)"
        op.execute(
            f"INSERT INTO facet (field, value, models) SELECT '{field}', {field}, count(DISTINCT asset_id) "  # noqa: S608 - our own names
            f"FROM listing WHERE {field} IS NOT NULL{used} GROUP BY {field}"
        )
    op.execute(
        "INSERT INTO facet (field, value, models) SELECT 'tag', t.tag, count(*) FROM ("
        "SELECT t.asset_id, t.key AS tag FROM asset_tag t WHERE EXISTS "
        "(SELECT 1 FROM listing l WHERE l.asset_id = t.asset_id AND (l.status <> 'archived' OR l.status IS NULL)) "
        "UNION SELECT l.asset_id, t.key AS tag FROM version_tag t "
        "JOIN listing l ON l.id = t.node_id AND l.status <> 'archived') t GROUP BY t.tag"
    )


def downgrade() -> None:
    """Nothing is lost: all of it can be made anew."""
    for table in ("facet", "headline", "listing"):
        op.drop_table(table)
    for key in ("updated_at", "created_at", "name"):
        op.drop_index(f"ix_asset_kind_{key}_id", "asset")
    for table in ("asset_tag", "version_tag"):
        op.drop_index(f"ix_{table}_key_value", table)
        op.create_index(f"ix_{table}_key", table, ["key"])
