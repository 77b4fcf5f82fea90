"""Registered models and datasets, their versions, files, aliases, tags and cards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    false,
)

from registry.storage.sql.types import DigestBytes, Key, UtcDateTime, Word
from registry.storage.tables.base import metadata, partial_index


class AssetColumns(TypedColumns):
    """A registered model or dataset. Its row stays when it is deleted: the name is never used again."""

    id = Column(Key, primary_key=True)
    kind = Column(String, nullable=False)
    name = Column(Word, nullable=False)
    folded = Column(Word, nullable=False)
    task = Column(String, nullable=False)
    modality = Column(String, nullable=False)
    licence = Column(String, nullable=False)
    origin = Column(String, nullable=False)
    description = Column(Text, nullable=False)
    owner = Column(String, nullable=False)
    words = Column(Text, nullable=False)
    """Name, description and tags, folded: what a text search looks through."""
    created_at = Column(UtcDateTime, nullable=False)
    updated_at = Column(UtcDateTime, nullable=False)
    deleted_at = Column(UtcDateTime, nullable=True)


class VersionColumns(TypedColumns):
    """One version of a model or dataset. Its row, number and node stay when it is deleted."""

    node_id = Column(Key, ForeignKey("node.id"), primary_key=True, autoincrement=False)
    asset_id = Column(Key, ForeignKey("asset.id"), nullable=False)
    number = Column(Key, nullable=False)
    step_id = Column(Key, ForeignKey("step.node_id"), nullable=False, index=True)
    licence = Column(String, nullable=False)
    size = Column(Key, nullable=False)
    words = Column(Text, nullable=False)
    """Not read since revision 0016, which keeps the words of versions in `document`; empty in newer rows."""
    created_by = Column(String, nullable=False)
    deleted_at = Column(UtcDateTime, nullable=True)


class ModelVersionColumns(TypedColumns):
    """What only model versions have."""

    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    architecture = Column(String, nullable=False)
    stage = Column(String, nullable=False)
    status = Column(String, nullable=False)
    status_reason = Column(Text, nullable=False)
    updated_at = Column(UtcDateTime, nullable=False)
    """When its stage, its status or its card changed last."""


class DatasetVersionColumns(TypedColumns):
    """What only dataset versions have."""

    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    format = Column(String, nullable=False)
    rows = Column(Key, nullable=False)
    row_index = Column(DigestBytes, nullable=False)
    splits: Column[Any] = Column(JSON, nullable=False)
    split_plan: Column[Any] = Column(JSON, nullable=False)
    dvc: Column[Any] = Column(JSON(none_as_null=True), nullable=True)
    labels = Column(String(16), nullable=False, server_default="class")
    """What labels hold; versions from before there was a choice hold classes."""
    status = Column(String(16), nullable=False, server_default="active")
    status_reason = Column(Text, nullable=False, server_default="")


class FileColumns(TypedColumns):
    """One payload file of a version."""

    id = Column(Key, primary_key=True)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False)
    path = Column(Text, nullable=False)
    size = Column(Key, nullable=False)
    sha256 = Column(DigestBytes, nullable=False)


class ExtentColumns(TypedColumns):
    """Where the bytes of a file are: ordered pieces of blobs. A whole file is one extent at first."""

    file_id = Column(Key, ForeignKey("file.id"), primary_key=True, autoincrement=False)
    position = Column(Key, primary_key=True, autoincrement=False)
    blob = Column(DigestBytes, nullable=False, index=True)
    offset = Column(Key, nullable=False)
    length = Column(Key, nullable=False)


class AliasColumns(TypedColumns):
    """What an alias names now."""

    id = Column(Key, primary_key=True)
    asset_id = Column(Key, ForeignKey("asset.id"), nullable=False)
    alias = Column(String(64), nullable=False)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False, index=True)
    protected = Column(Boolean, nullable=False)
    moved_at = Column(UtcDateTime, nullable=False)
    moved_by = Column(String, nullable=False)


class AliasMoveColumns(TypedColumns):
    """Every move of an alias, append-only. No node: the alias was dropped."""

    id = Column(Key, primary_key=True)
    asset_id = Column(Key, ForeignKey("asset.id"), nullable=False)
    alias = Column(String(64), nullable=False)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=True)
    protected = Column(Boolean, nullable=False)
    moved_at = Column(UtcDateTime, nullable=False)
    moved_by = Column(String, nullable=False)


class AssetTagColumns(TypedColumns):
    """A tag of a registered model or dataset; its value goes on in `rest`: see `registry.storage.catalog.tags`."""

    asset_id = Column(Key, ForeignKey("asset.id"), primary_key=True, autoincrement=False)
    key = Column(String(64), primary_key=True)
    value = Column(String(512), nullable=False)
    rest = Column(Text, nullable=False, server_default="")


class VersionTagColumns(TypedColumns):
    """A tag of one version; its value as that of `asset_tag`."""

    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    key = Column(String(64), primary_key=True)
    value = Column(String(512), nullable=False)
    rest = Column(Text, nullable=False, server_default="")


class CardRevisionColumns(TypedColumns):
    """One revision of a model card."""

    id = Column(Key, primary_key=True)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False)
    number = Column(Key, nullable=False)
    digest = Column(DigestBytes, nullable=False)
    text = Column(Text, nullable=False)
    written_at = Column(UtcDateTime, nullable=False)
    written_by = Column(String, nullable=False)
    generated = Column(Boolean, nullable=False, server_default=false())
    """Whether the registry wrote it, since nobody had: not known of cards from before there was this column."""


class UpstreamColumns(TypedColumns):
    """The repository that a version was imported from, folded to find it by; `source` is as it was given."""

    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    repository = Column(String(200), nullable=False)
    source = Column(String(256), nullable=False)


asset = Table(
    "asset",
    metadata,
    AssetColumns,
    UniqueConstraint("kind", "folded"),
    Index("ix_asset_kind_updated_at_id", "kind", "updated_at", "id"),
    Index("ix_asset_kind_created_at_id", "kind", "created_at", "id"),
    Index("ix_asset_kind_name_id", "kind", "name", "id"),
)
version = Table("version", metadata, VersionColumns, UniqueConstraint("asset_id", "number"))
model_version = Table(
    "model_version",
    metadata,
    ModelVersionColumns,
    Index("ix_model_version_updated_at_node_id", "updated_at", "node_id"),
    partial_index("ix_model_version_approved", "node_id", where="stage NOT IN ('registered', 'retired')"),
)
dataset_version = Table("dataset_version", metadata, DatasetVersionColumns)
file = Table("file", metadata, FileColumns, UniqueConstraint("node_id", "path"), Index("ix_file_sha256", "sha256"))
extent = Table("extent", metadata, ExtentColumns)
alias = Table("alias", metadata, AliasColumns, UniqueConstraint("asset_id", "alias"))
alias_move = Table(
    "alias_move", metadata, AliasMoveColumns, Index("ix_alias_move_alias_asset_id_id", "alias", "asset_id", "id")
)
asset_tag = Table("asset_tag", metadata, AssetTagColumns, Index("ix_asset_tag_key_value", "key", "value"))
version_tag = Table("version_tag", metadata, VersionTagColumns, Index("ix_version_tag_key_value", "key", "value"))
card_revision = Table("card_revision", metadata, CardRevisionColumns, UniqueConstraint("node_id", "number"))
upstream = Table(
    "upstream", metadata, UpstreamColumns, Index("ix_upstream_repository_node_id", "repository", "node_id")
)
