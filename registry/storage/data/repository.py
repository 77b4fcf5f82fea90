"""The datasets' repository."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from registry.domain.catalog.models import Describing, Status
from registry.domain.data.datasets import (
    DataFormat,
    DatasetSummary,
    DatasetVersionDetail,
    DatasetVersionSummary,
    DvcRecord,
    LabelKind,
    NumberSummary,
    SplitPlan,
    SplitSummary,
)
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.errors import InvalidError
from registry.services.storage.data import NewDatasetVersion
from registry.storage.catalog import assets, documents, versions
from registry.storage.catalog.hidden import is_hidden
from registry.storage.data.rows import new_data
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import asset, dataset_version, node, version
from registry.storage.tables.rows import SAMPLE

DATASETS = AssetKind.DATASETS


class SqlDatasets:
    """Implements `DatasetRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def dataset(self, name: Name) -> DatasetSummary | None:
        row = assets.find_asset(self._connection, DATASETS, name)
        return None if row is None else self._summaries([row])[0]

    def add_dataset(self, name: Name, describing: Describing, *, owner: str, at: datetime) -> None:
        assets.add_asset(self._connection, DATASETS, name, describing, owner=owner, at=at)

    def add_version(self, new: NewDatasetVersion) -> None:
        if new.manifest.rows is None:
            raise InvalidError(f"The manifest of {new.ref} names no row index")
        key, _ = versions.write_version(
            self._connection,
            new.ref,
            new.manifest,
            licence=new.licence,
            step_id=new.step_id,
            created_at=new.created_at,
            created_by=new.created_by,
        )
        self._connection.execute(
            insert(dataset_version).values(
                node_id=key,
                format=new.format,
                rows=new.rows,
                row_index=new.manifest.rows,
                splits=[asdict(split) for split in new.splits],
                split_plan=asdict(new.split_plan),
                dvc=None if new.dvc is None else asdict(new.dvc),
                labels=new.labels,
            )
        )
        self._connection.execute(new_data, {"node_id": key, "due": SAMPLE})

    def version(self, ref: VersionRef) -> DatasetVersionDetail | None:
        row = assets.find_version(self._connection, ref)
        dataset = self.dataset(ref.name)
        if row is None or dataset is None or ref.kind is not DATASETS:
            return None
        key = row.node_id
        own = self._connection.execute(select(dataset_version).where(dataset_version.c.node_id == key)).one()
        step = self._connection.execute(select(node.c.label).where(node.c.id == row.step_id)).scalar_one()
        return DatasetVersionDetail(
            summary=_version_summaries(self._connection, [key])[key],
            dataset=dataset,
            files=versions.files_of(self._connection, key),
            split_plan=SplitPlan(**own.split_plan),
            dvc=None if own.dvc is None else DvcRecord(**own.dvc),
            step=step,
            index=own.row_index,
            status_reason=own.status_reason,
        )

    def versions(self, name: Name, page: PageRequest) -> Page[DatasetVersionSummary]:
        statement = (
            select(version.c.node_id)
            .join(asset, asset.c.id == version.c.asset_id)
            .where(assets.is_named(), versions.is_live())
            .params(kind=DATASETS, name=str(name), folded=name.folded)
        )
        order = [SortBy(version.c.number, int, descending=True)]
        rows, cursor = page_rows(self._connection, statement, order, page, scope=f"dataset versions {name}")
        found = _version_summaries(self._connection, [row.node_id for row in rows])
        return Page([found[row.node_id] for row in rows], cursor)

    def search(self, text: str, page: PageRequest, hidden: Collection[str] = ()) -> Page[DatasetSummary]:
        statement = select(asset).where(asset.c.kind == DATASETS, asset.c.deleted_at.is_(None))
        if hidden:
            statement = statement.where(~is_hidden(hidden, self._connection.dialect.name))
        for word in documents.fold(text).split():
            statement = statement.where(asset.c.words.contains(word, autoescape=True))
        order = [SortBy(asset.c.name, str)]
        rows, cursor = page_rows(self._connection, statement, order, page, scope=f"datasets {text!r}")
        return Page(self._summaries(rows), cursor)

    def _summaries(self, rows: Sequence[Row[Any]]) -> list[DatasetSummary]:
        keys = [row.id for row in rows]
        tags = assets.tags_of_assets(self._connection, keys)
        counts = assets.live_counts(self._connection, keys)
        newest = versions.latest(self._connection, keys)
        found = _version_summaries(self._connection, list(newest.values()))
        return [
            DatasetSummary(
                name=assets.name_of(row),
                describing=assets.describing_of(row, tags[row.id]),
                owner=row.owner,
                created_at=row.created_at,
                versions=counts[row.id],
                version=found[newest[row.id]] if row.id in newest else None,
            )
            for row in rows
        ]


def _version_summaries(connection: Connection, keys: Sequence[int]) -> dict[int, DatasetVersionSummary]:
    """The summaries of dataset versions by key, in one query."""
    query = (
        select(
            version,
            dataset_version,
            asset.c.name,
            node.c.digest,
            node.c.created_at,
            versions.is_damaged().label("damaged"),
        )
        .join(dataset_version, dataset_version.c.node_id == version.c.node_id)
        .join(node, node.c.id == version.c.node_id)
        .join(asset, asset.c.id == version.c.asset_id)
        .where(version.c.node_id.in_(keys))
    )
    found = {}
    for row in connection.execute(query):
        splits = tuple(_split(split) for split in row.splits)
        found[row.node_id] = DatasetVersionSummary(
            ref=VersionRef(DATASETS, assets.name_of(row), row.number),
            digest=row.digest,
            format=DataFormat(row.format),
            rows=row.rows,
            classes=tuple(sorted({label for split in splits for label in split.classes})),
            splits=splits,
            size=row.size,
            licence=row.licence,
            created_at=row.created_at,
            created_by=row.created_by,
            labels=LabelKind(row.labels),
            damaged=bool(row.damaged),
            status=Status(row.status),
        )
    return found


def _split(stored: Mapping[str, Any]) -> SplitSummary:
    """A split as any revision stored it: only those of numbers have `numbers`, and none had before 0002."""
    numbers = stored.get("numbers")
    return SplitSummary(
        stored["name"], stored["rows"], stored["classes"], None if numbers is None else NumberSummary(**numbers)
    )
