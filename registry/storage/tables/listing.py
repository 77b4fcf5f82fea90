"""What a search over registered models reads: kept by the same transaction as the models, and made anew from them."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, String, Table, TypedColumns

from registry.storage.sql.types import Key
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


listing = Table(
    "listing",
    metadata,
    ListingColumns,
    Index("ix_listing_asset_id_number", "asset_id", "number"),
    *(
        Index(f"ix_listing_{field}_asset_id", field, "asset_id")
        for field in ("task", "modality", "origin", "owner", "licence", "stage", "status")
    ),
)
headline = Table(
    "headline", metadata, HeadlineColumns, Index("ix_headline_name_value_asset_id", "name", "value", "asset_id")
)
facet = Table("facet", metadata, FacetColumns)
