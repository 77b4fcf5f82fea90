"""The first tables: graph, steps, catalog, governance, people and the audit chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Constraints get their names from the naming convention of `tables.base`, which therefore never changes.
# Types as they were in this revision: a migration never imports what may change later.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
DIGEST = sa.LargeBinary(32)
WORD = sa.String(96).with_variant(sa.String(96, collation="C"), "postgresql")
LABEL = sa.String().with_variant(sa.String(collation="C"), "postgresql")

TABLES = (
    "node", "edge",
    "step", "metric", "curve_point", "mirror",
    "asset", "asset_tag", "version", "model_version", "dataset_version", "version_tag", "card_revision",
    "file", "extent", "alias", "alias_move",
    "policy", "evidence", "request", "vote", "audit_entry",
    "person", "role_grant", "token",
)  # fmt: skip


def upgrade() -> None:
    """Make every table in the order of what refers to what, then close the audit chain to changes."""
    _graph()
    _steps()
    _catalog()
    _governance()
    _people()
    _refuse_changes("audit_entry")


def downgrade() -> None:
    """Drop everything."""
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")


def _refuse_changes(table: str) -> None:
    """Triggers that let nobody change or delete a row, whatever program they come with."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_all BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
        )


def _graph() -> None:
    op.create_table(
        "node",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("label", LABEL, nullable=False, unique=True),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_index("ix_node_digest", "node", ["digest"])
    op.create_table(
        "edge",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("from_node", KEY, sa.ForeignKey("node.id"), nullable=False),
        sa.Column("to_node", KEY, sa.ForeignKey("node.id"), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=True),
        sa.Column("assurance", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("superseded_by", KEY, sa.ForeignKey("edge.id"), nullable=True),
    )
    op.create_index("ix_edge_from_node_to_node", "edge", ["from_node", "to_node"])
    op.create_index("ix_edge_to_node_from_node", "edge", ["to_node", "from_node"])


def _steps() -> None:
    op.create_table(
        "step",
        sa.Column("node_id", KEY, sa.ForeignKey("node.id"), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(96), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("epoch", sa.Double(), nullable=False),
        sa.Column("epochs", KEY, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
        sa.Column("manifest_digest", DIGEST, nullable=True),
    )
    op.create_index("ix_step_state", "step", ["state"])
    op.create_index("ix_step_wanted", "step", ["wanted"])
    op.create_table(
        "metric",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("step_id", KEY, sa.ForeignKey("step.node_id"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("data", DIGEST, nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("data_label", sa.String(), nullable=False),
        sa.UniqueConstraint("step_id", "name", "data", "split", "role"),
    )
    op.create_index("ix_metric_step_id_name_role", "metric", ["step_id", "name", "role"])
    op.create_table(
        "curve_point",
        sa.Column("step_id", KEY, sa.ForeignKey("step.node_id"), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(64), primary_key=True),
        sa.Column("epoch", KEY, primary_key=True, autoincrement=False),
        sa.Column("step", KEY, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Double(), nullable=True),
    )
    op.create_table(
        "mirror",
        sa.Column("step_id", KEY, sa.ForeignKey("step.node_id"), primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("attempts", KEY, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("changed_at", MOMENT, nullable=False),
    )
    op.create_index("ix_mirror_state", "mirror", ["state"])


def _catalog() -> None:
    op.create_table(
        "asset",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("folded", WORD, nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("modality", sa.String(), nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.UniqueConstraint("kind", "folded"),
    )
    op.create_table(
        "asset_tag",
        sa.Column("asset_id", KEY, sa.ForeignKey("asset.id"), primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.String(512), nullable=False),
    )
    op.create_index("ix_asset_tag_key", "asset_tag", ["key"])
    op.create_table(
        "version",
        sa.Column("node_id", KEY, sa.ForeignKey("node.id"), primary_key=True, autoincrement=False),
        sa.Column("asset_id", KEY, sa.ForeignKey("asset.id"), nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("step_id", KEY, sa.ForeignKey("step.node_id"), nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
        sa.Column("size", KEY, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.UniqueConstraint("asset_id", "number"),
    )
    op.create_index("ix_version_step_id", "version", ["step_id"])
    op.create_table(
        "model_version",
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("architecture", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
    )
    op.create_table(
        "dataset_version",
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("rows", KEY, nullable=False),
        sa.Column("row_index", DIGEST, nullable=False),
        sa.Column("splits", sa.JSON(), nullable=False),
        sa.Column("split_plan", sa.JSON(), nullable=False),
        sa.Column("dvc", sa.JSON(), nullable=True),
    )
    op.create_table(
        "version_tag",
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.String(512), nullable=False),
    )
    op.create_index("ix_version_tag_key", "version_tag", ["key"])
    op.create_table(
        "card_revision",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("written_by", sa.String(), nullable=False),
        sa.UniqueConstraint("node_id", "number"),
    )
    op.create_table(
        "file",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", KEY, nullable=False),
        sa.Column("sha256", DIGEST, nullable=False),
        sa.UniqueConstraint("node_id", "path"),
    )
    op.create_table(
        "extent",
        sa.Column("file_id", KEY, sa.ForeignKey("file.id"), primary_key=True, autoincrement=False),
        sa.Column("position", KEY, primary_key=True, autoincrement=False),
        sa.Column("blob", DIGEST, nullable=False),
        sa.Column("offset", KEY, nullable=False),
        sa.Column("length", KEY, nullable=False),
    )
    op.create_index("ix_extent_blob", "extent", ["blob"])
    op.create_table(
        "alias",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("asset_id", KEY, sa.ForeignKey("asset.id"), nullable=False),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("moved_at", MOMENT, nullable=False),
        sa.Column("moved_by", sa.String(), nullable=False),
        sa.UniqueConstraint("asset_id", "alias"),
    )
    op.create_index("ix_alias_node_id", "alias", ["node_id"])
    op.create_table(
        "alias_move",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("asset_id", KEY, sa.ForeignKey("asset.id"), nullable=False),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), nullable=True),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("moved_at", MOMENT, nullable=False),
        sa.Column("moved_by", sa.String(), nullable=False),
    )


def _governance() -> None:
    op.create_table(
        "policy",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.UniqueConstraint("name", "version"),
    )
    op.create_table(
        "evidence",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("public_id", sa.String(40), nullable=False, unique=True),
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("subject", DIGEST, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("file", DIGEST, nullable=True),
        sa.Column("file_name", sa.String(), nullable=True),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
    )
    op.create_index("ix_evidence_node_id", "evidence", ["node_id"])
    op.create_index("ix_evidence_subject", "evidence", ["subject"])
    op.create_table(
        "request",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("public_id", sa.String(40), nullable=False, unique=True),
        sa.Column("node_id", KEY, sa.ForeignKey("version.node_id"), nullable=False),
        sa.Column("from_stage", sa.String(), nullable=False),
        sa.Column("to_stage", sa.String(), nullable=False),
        sa.Column("alias", sa.String(64), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("policy_digest", DIGEST, nullable=False),
        sa.Column("bound_artifact", DIGEST, nullable=False),
        sa.Column("bound_lineage", DIGEST, nullable=False),
        sa.Column("bound_policy", DIGEST, nullable=False),
        sa.Column("bound_evidence", DIGEST, nullable=False),
        sa.Column("verdict", sa.JSON(), nullable=False),
    )
    op.create_index("ix_request_node_id", "request", ["node_id"])
    op.create_index("ix_request_state", "request", ["state"])
    op.create_table(
        "vote",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("request_id", KEY, sa.ForeignKey("request.id"), nullable=False),
        sa.Column("voter", sa.String(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("voted_at", MOMENT, nullable=False),
        sa.Column("bound_artifact", DIGEST, nullable=False),
        sa.Column("bound_lineage", DIGEST, nullable=False),
        sa.Column("bound_policy", DIGEST, nullable=False),
        sa.Column("bound_evidence", DIGEST, nullable=False),
    )
    op.create_index("ix_vote_request_id", "vote", ["request_id"])
    op.create_table(
        "audit_entry",
        sa.Column("seq", KEY, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("previous", DIGEST, nullable=False),
        sa.Column("leaf", DIGEST, nullable=False),
        sa.Column("entry", DIGEST, nullable=False),
        sa.Column("subject", LABEL, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
    )
    op.create_index("ix_audit_entry_action_seq", "audit_entry", ["action", "seq"])
    op.create_index("ix_audit_entry_subject_seq", "audit_entry", ["subject", "seq"])


def _people() -> None:
    op.create_table(
        "person",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("handle", WORD, nullable=False, unique=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("service", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_table(
        "role_grant",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("person_id", KEY, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("role", sa.String(64), nullable=False),
        sa.Column("granted_at", MOMENT, nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
    )
    held = sa.text("revoked_at IS NULL")
    op.create_index(
        "uq_role_grant_held", "role_grant", ["person_id", "role"], unique=True, sqlite_where=held, postgresql_where=held
    )
    op.create_table(
        "token",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("public_id", sa.String(40), nullable=False, unique=True),
        sa.Column("person_id", KEY, sa.ForeignKey("person.id"), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("secret_hash", DIGEST, nullable=False, unique=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
    )
    op.create_index("ix_token_person_id", "token", ["person_id"])
