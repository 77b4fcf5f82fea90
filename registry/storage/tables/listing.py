"""What a search over registered models reads: kept by the same transaction as the models, and made anew from them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    event,
)

from registry.storage.sql.types import Key, Word
from registry.storage.tables.base import metadata


class ListingColumns(TypedColumns):
    """One live version of a registered model, with every field that a search filters by.

    A model without a live version has one row too: number 0, no fields of a version, and minus its own key.
    """

    id = Column(Key, primary_key=True, autoincrement=False)
    asset_id = Column(Key, ForeignKey("asset.id"), nullable=False)
    number = Column(Key, nullable=False)
    task = Column(String, nullable=False)
    modality = Column(String, nullable=False)
    origin = Column(String, nullable=False)
    owner = Column(String, nullable=False)
    licence = Column(String, nullable=True)
    stage = Column(String, nullable=True)
    status = Column(String, nullable=True)


class HeadlineColumns(TypedColumns):
    """The first value that the step of a live version measured on its test role, for each metric; no NaN."""

    listing_id = Column(Key, primary_key=True, autoincrement=False)
    name = Column(String(64), primary_key=True)
    asset_id = Column(Key, ForeignKey("asset.id"), nullable=False, index=True)
    value = Column(Double, nullable=False)


class FacetColumns(TypedColumns):
    """How many registered models have a value of a field, counted without any filter."""

    field = Column(String(16), primary_key=True)
    value = Column(String, primary_key=True)
    models = Column(Key, nullable=False)


class FacetBlockColumns(TypedColumns):
    """The rows of `listing` of the models with some keys, packed: see `registry.storage.catalog.blocks`."""

    id = Column(Key, primary_key=True, autoincrement=False)
    packed = Column(LargeBinary, nullable=False)


class FacetValueColumns(TypedColumns):
    """What a number in a block stands for."""

    id = Column(Key, primary_key=True, autoincrement=False)
    field = Column(String(16), nullable=False)
    value = Column(String, nullable=False)


class FacetChangeColumns(TypedColumns):
    """A model that changed since its block was packed. It may be gone."""

    asset_id = Column(Key, primary_key=True, autoincrement=False)


class DocumentColumns(TypedColumns):
    """The words of a model (minus its key) or of a version (its key): see `registry.storage.catalog.documents`."""

    id = Column(Key, primary_key=True, autoincrement=False)
    words = Column(Text, nullable=False)


class WordingColumns(TypedColumns):
    """Each word that is in a document of a model or of its versions, once: see `registry.storage.catalog.wording`."""

    asset_id = Column(Key, ForeignKey("asset.id"), primary_key=True, autoincrement=False)
    words = Column(Text, nullable=False)


class WordColumns(TypedColumns):
    """A word that is in some row of `wording`, and maybe one that was."""

    word = Column(Word, primary_key=True)


class TrigramColumns(TypedColumns):
    """Three letters in a row of a word of some model, by which words that are spelt alike are found."""

    trigram = Column(String(3), primary_key=True)
    length = Column(Integer, primary_key=True, autoincrement=False)
    word = Column(Word, primary_key=True)


listing = Table(
    "listing",
    metadata,
    ListingColumns,
    Index("ix_listing_asset_id_number_status", "asset_id", "number", "status"),
    *(
        Index(f"ix_listing_{field}_asset_id", field, "asset_id")
        for field in ("task", "modality", "origin", "owner", "licence", "stage", "status")
    ),
)
headline = Table(
    "headline", metadata, HeadlineColumns, Index("ix_headline_name_value_asset_id", "name", "value", "asset_id")
)
facet = Table("facet", metadata, FacetColumns)
facet_block = Table("facet_block", metadata, FacetBlockColumns)
facet_value = Table("facet_value", metadata, FacetValueColumns, UniqueConstraint("field", "value"))
facet_change = Table("facet_change", metadata, FacetChangeColumns)
document = Table("document", metadata, DocumentColumns)
wording = Table("wording", metadata, WordingColumns)
word = Table("word", metadata, WordColumns)
trigram = Table("trigram", metadata, TrigramColumns)
FULL_TEXT = "wording_index"
"""What the full-text index is called: an index of PostgreSQL, a table of SQLite's FTS5 with others beside it.

Migrations make it. Alembic does not know such tables, and leaves alone what is called so.
"""


@event.listens_for(wording, "after_create")
def _make_full_text(_table: Table[Any], connection: Connection, **_: Any) -> None:
    """For tests that make the tables without migrations."""
    if connection.dialect.name == "postgresql":
        words = "array_to_tsvector(string_to_array(words, ' '))"
        connection.exec_driver_sql(f"CREATE INDEX wording_index ON wording USING gin ({words})")
