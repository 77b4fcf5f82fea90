"""Selection reports: which model was recommended as a start, for which data and why; and rankings under way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, String, Table, TypedColumns, UniqueConstraint

from registry.storage.sql.types import DigestBytes, Key, Label, UtcDateTime
from registry.storage.tables.base import metadata


class SelectionColumns(TypedColumns):
    """One report. It stays when its data or its models are deleted: it says what was known then."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    dataset = Column(Label, nullable=False)
    created_at = Column(UtcDateTime, nullable=False)
    report: Column[Any] = Column(JSON, nullable=False)


selection = Table("selection", metadata, SelectionColumns, Index("ix_selection_dataset_id", "dataset", "id"))


class RankingColumns(TypedColumns):
    """A ranking that an engine runs. `state` is that of the body, so that one that has ended is never changed."""

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    created_at = Column(UtcDateTime, nullable=False)
    state = Column(String(16), nullable=False)
    body: Column[Any] = Column(JSON, nullable=False)


ranking = Table("ranking", metadata, RankingColumns)


class FeatureSummaryColumns(TypedColumns):
    """What is kept, some kB, of the features that a model gives for data that it learnt from. All by digest."""

    id = Column(Key, primary_key=True)
    model = Column(DigestBytes, nullable=False)
    data = Column(DigestBytes, nullable=False)
    split = Column(String, nullable=False)
    body = Column(LargeBinary, nullable=False)


feature_summary = Table("feature_summary", metadata, FeatureSummaryColumns, UniqueConstraint("model", "data", "split"))
