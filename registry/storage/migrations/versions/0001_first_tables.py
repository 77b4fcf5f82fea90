"""The first tables: graph, steps, catalog, governance, people and the audit chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Types as they were in this revision: a migration never imports what may change later.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
DIGEST = sa.LargeBinary(32)
WORD = sa.String(96).with_variant(sa.String(96, collation="C"), "postgresql")
LABEL = sa.String().with_variant(sa.String(collation="C"), "postgresql")

TABLES = (
    "node",
    "edge",
    "step",
    "metric",
    "curve_point",
    "mirror",
    "asset",
    "asset_tag",
    "version",
    "model_version",
    "dataset_version",
    "version_tag",
    "card_revision",
    "file",
    "extent",
    "alias",
    "alias_move",
    "policy",
    "evidence",
    "request",
    "vote",
    "person",
    "role_grant",
    "token",
    "audit_entry",
)


def upgrade() -> None:
    """Make every table in the order of what refers to what, then close the audit chain to changes."""
    _graph()
    _steps()
    _catalog()
    _files()
    _aliases()
    _governance()
    _people()
    _audit()
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
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("label", LABEL, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node")),
        sa.UniqueConstraint("label", name=op.f("uq_node_label")),
    )
    op.create_index(op.f("ix_node_digest"), "node", ["digest"], unique=False)
    op.create_table(
        "edge",
        sa.Column("id", KEY, nullable=False),
        sa.Column("from_node", KEY, nullable=False),
        sa.Column("to_node", KEY, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=True),
        sa.Column("assurance", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("superseded_by", KEY, nullable=True),
        sa.ForeignKeyConstraint(["from_node"], ["node.id"], name=op.f("fk_edge_from_node_node")),
        sa.ForeignKeyConstraint(["superseded_by"], ["edge.id"], name=op.f("fk_edge_superseded_by_edge")),
        sa.ForeignKeyConstraint(["to_node"], ["node.id"], name=op.f("fk_edge_to_node_node")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edge")),
    )
    op.create_index("ix_edge_from_node_to_node", "edge", ["from_node", "to_node"], unique=False)
    op.create_index("ix_edge_to_node_from_node", "edge", ["to_node", "from_node"], unique=False)


def _steps() -> None:
    op.create_table(
        "step",
        sa.Column("node_id", KEY, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(length=96), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
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
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_step_node_id_node")),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_step")),
    )
    op.create_index(op.f("ix_step_state"), "step", ["state"], unique=False)
    op.create_index(op.f("ix_step_wanted"), "step", ["wanted"], unique=False)
    op.create_table(
        "metric",
        sa.Column("id", KEY, nullable=False),
        sa.Column("step_id", KEY, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("data", DIGEST, nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("data_label", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["step.node_id"], name=op.f("fk_metric_step_id_step")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric")),
        sa.UniqueConstraint(
            "step_id", "name", "data", "split", "role", name=op.f("uq_metric_step_id_name_data_split_role")
        ),
    )
    op.create_index("ix_metric_step_id_name_role", "metric", ["step_id", "name", "role"], unique=False)
    op.create_table(
        "curve_point",
        sa.Column("step_id", KEY, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("epoch", KEY, autoincrement=False, nullable=False),
        sa.Column("step", KEY, autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["step_id"], ["step.node_id"], name=op.f("fk_curve_point_step_id_step")),
        sa.PrimaryKeyConstraint("step_id", "name", "role", "epoch", "step", name=op.f("pk_curve_point")),
    )
    op.create_table(
        "mirror",
        sa.Column("step_id", KEY, autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("attempts", KEY, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["step.node_id"], name=op.f("fk_mirror_step_id_step")),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_mirror")),
    )
    op.create_index(op.f("ix_mirror_state"), "mirror", ["state"], unique=False)


def _catalog() -> None:
    op.create_table(
        "asset",
        sa.Column("id", KEY, nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset")),
        sa.UniqueConstraint("kind", "folded", name=op.f("uq_asset_kind_folded")),
    )
    op.create_table(
        "asset_tag",
        sa.Column("asset_id", KEY, autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_asset_tag_asset_id_asset")),
        sa.PrimaryKeyConstraint("asset_id", "key", name=op.f("pk_asset_tag")),
    )
    op.create_index(op.f("ix_asset_tag_key"), "asset_tag", ["key"], unique=False)
    op.create_table(
        "version",
        sa.Column("node_id", KEY, autoincrement=False, nullable=False),
        sa.Column("asset_id", KEY, nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("step_id", KEY, nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
        sa.Column("size", KEY, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_version_asset_id_asset")),
        sa.ForeignKeyConstraint(["node_id"], ["node.id"], name=op.f("fk_version_node_id_node")),
        sa.ForeignKeyConstraint(["step_id"], ["step.node_id"], name=op.f("fk_version_step_id_step")),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_version")),
        sa.UniqueConstraint("asset_id", "number", name=op.f("uq_version_asset_id_number")),
    )
    op.create_index(op.f("ix_version_step_id"), "version", ["step_id"], unique=False)
    op.create_table(
        "model_version",
        sa.Column("node_id", KEY, autoincrement=False, nullable=False),
        sa.Column("architecture", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["version.node_id"], name=op.f("fk_model_version_node_id_version")),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_model_version")),
    )
    op.create_table(
        "dataset_version",
        sa.Column("node_id", KEY, autoincrement=False, nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("rows", KEY, nullable=False),
        sa.Column("row_index", DIGEST, nullable=False),
        sa.Column("splits", sa.JSON(), nullable=False),
        sa.Column("split_plan", sa.JSON(), nullable=False),
        sa.Column("dvc", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["node_id"], ["version.node_id"], name=op.f("fk_dataset_version_node_id_version")),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_dataset_version")),
    )
    op.create_table(
        "version_tag",
        sa.Column("node_id", KEY, autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["version.node_id"], name=op.f("fk_version_tag_node_id_version")),
        sa.PrimaryKeyConstraint("node_id", "key", name=op.f("pk_version_tag")),
    )
    op.create_index(op.f("ix_version_tag_key"), "version_tag", ["key"], unique=False)
    op.create_table(
        "card_revision",
        sa.Column("id", KEY, nullable=False),
        sa.Column("node_id", KEY, nullable=False),
        sa.Column("number", KEY, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("written_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["version.node_id"], name=op.f("fk_card_revision_node_id_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_revision")),
        sa.UniqueConstraint("node_id", "number", name=op.f("uq_card_revision_node_id_number")),
    )


def _files() -> None:
    op.create_table(
        "file",
        sa.Column("id", KEY, nullable=False),
        sa.Column("node_id", KEY, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", KEY, nullable=False),
        sa.Column("sha256", DIGEST, nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["version.node_id"], name=op.f("fk_file_node_id_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("node_id", "path", name=op.f("uq_file_node_id_path")),
    )
    op.create_table(
        "extent",
        sa.Column("file_id", KEY, autoincrement=False, nullable=False),
        sa.Column("position", KEY, autoincrement=False, nullable=False),
        sa.Column("blob", DIGEST, nullable=False),
        sa.Column("offset", KEY, nullable=False),
        sa.Column("length", KEY, nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_extent_file_id_file")),
        sa.PrimaryKeyConstraint("file_id", "position", name=op.f("pk_extent")),
    )
    op.create_index(op.f("ix_extent_blob"), "extent", ["blob"], unique=False)


def _aliases() -> None:
    op.create_table(
        "alias",
        sa.Column("id", KEY, nullable=False),
        sa.Column("asset_id", KEY, nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("node_id", KEY, nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("moved_at", MOMENT, nullable=False),
        sa.Column("moved_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_alias_asset_id_asset")),
        sa.ForeignKeyConstraint(["node_id"], ["version.node_id"], name=op.f("fk_alias_node_id_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias")),
        sa.UniqueConstraint("asset_id", "alias", name=op.f("uq_alias_asset_id_alias")),
    )
    op.create_index(op.f("ix_alias_node_id"), "alias", ["node_id"], unique=False)
    op.create_table(
        "alias_move",
        sa.Column("id", KEY, nullable=False),
        sa.Column("asset_id", KEY, nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("node_id", KEY, nullable=True),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("moved_at", MOMENT, nullable=False),
        sa.Column("moved_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name=op.f("fk_alias_move_asset_id_asset")),
        sa.ForeignKeyConstraint(["node_id"], ["version.node_id"], name=op.f("fk_alias_move_node_id_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias_move")),
    )


def _governance() -> None:
    op.create_table(
        "policy",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_policy_name_version")),
    )
    op.create_table(
        "evidence",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("node_id", KEY, nullable=False),
        sa.Column("subject", DIGEST, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("file", DIGEST, nullable=True),
        sa.Column("file_name", sa.String(), nullable=True),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["version.node_id"], name=op.f("fk_evidence_node_id_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("public_id", name=op.f("uq_evidence_public_id")),
    )
    op.create_index(op.f("ix_evidence_node_id"), "evidence", ["node_id"], unique=False)
    op.create_index(op.f("ix_evidence_subject"), "evidence", ["subject"], unique=False)
    op.create_table(
        "request",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("node_id", KEY, nullable=False),
        sa.Column("from_stage", sa.String(), nullable=False),
        sa.Column("to_stage", sa.String(), nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
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
        sa.ForeignKeyConstraint(["node_id"], ["version.node_id"], name=op.f("fk_request_node_id_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
        sa.UniqueConstraint("public_id", name=op.f("uq_request_public_id")),
    )
    op.create_index(op.f("ix_request_node_id"), "request", ["node_id"], unique=False)
    op.create_index(op.f("ix_request_state"), "request", ["state"], unique=False)
    op.create_table(
        "vote",
        sa.Column("id", KEY, nullable=False),
        sa.Column("request_id", KEY, nullable=False),
        sa.Column("voter", sa.String(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("voted_at", MOMENT, nullable=False),
        sa.Column("bound_artifact", DIGEST, nullable=False),
        sa.Column("bound_lineage", DIGEST, nullable=False),
        sa.Column("bound_policy", DIGEST, nullable=False),
        sa.Column("bound_evidence", DIGEST, nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_vote_request_id_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
    )
    op.create_index(op.f("ix_vote_request_id"), "vote", ["request_id"], unique=False)


def _people() -> None:
    op.create_table(
        "person",
        sa.Column("id", KEY, nullable=False),
        sa.Column("handle", WORD, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("service", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("handle", name=op.f("uq_person_handle")),
    )
    op.create_table(
        "role_grant",
        sa.Column("id", KEY, nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("granted_at", MOMENT, nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_role_grant_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
    )
    op.create_index(
        "uq_role_grant_held",
        "role_grant",
        ["person_id", "role"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "token",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("person_id", KEY, nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("secret_hash", DIGEST, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_token_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("public_id", name=op.f("uq_token_public_id")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_token_secret_hash")),
    )
    op.create_index(op.f("ix_token_person_id"), "token", ["person_id"], unique=False)


def _audit() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("seq", KEY, autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("previous", DIGEST, nullable=False),
        sa.Column("leaf", DIGEST, nullable=False),
        sa.Column("entry", DIGEST, nullable=False),
        sa.Column("subject", LABEL, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_action_seq", "audit_entry", ["action", "seq"], unique=False)
    op.create_index("ix_audit_entry_subject_seq", "audit_entry", ["subject", "seq"], unique=False)
