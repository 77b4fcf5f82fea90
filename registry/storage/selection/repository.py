"""The repository of selection reports: each is one JSON document, because it is always written and read whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from lineage import Assurance, Digest
from registry.domain.catalog.models import Modality
from registry.domain.codec import from_json, to_json
from registry.domain.data.datasets import LabelKind
from registry.domain.names import VersionRef
from registry.domain.recipes.methods import SOURCE, TEST, TRAIN
from registry.domain.selection.past import Task
from registry.domain.selection.report import SelectionReport
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.selection import Ranking, RankingState
from registry.services.storage.selection import PastTransfer
from registry.storage.catalog.versions import refs_of
from registry.storage.tables import (
    asset,
    dataset_version,
    edge,
    feature_summary,
    metric,
    model_version,
    ranking,
    selection,
    step,
    version,
)

_PAGE, _NEWEST = 50, 2**62
_ABOUT = (
    select(selection.c.id, selection.c.report)
    .where(selection.c.dataset == bindparam("dataset"), selection.c.id < bindparam("before"))
    .order_by(selection.c.id.desc())
    .limit(_PAGE)
)
_SUMMARY = select(feature_summary.c.body).where(
    feature_summary.c.model == bindparam("model"),
    feature_summary.c.data == bindparam("data"),
    feature_summary.c.split == bindparam("split"),
)


class SqlSelections:
    """Implements `SelectionRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, report: SelectionReport) -> None:
        self._connection.execute(
            insert(selection).values(
                public_id=report.id,
                dataset=str(report.dataset),
                created_at=report.created_at,
                report=to_json(report),
            )
        )

    def get(self, report_id: str) -> SelectionReport | None:
        found = self._connection.execute(select(selection.c.report).where(selection.c.public_id == report_id)).first()
        return None if found is None else from_json(SelectionReport, found.report)

    def newest(self, *, dataset: VersionRef | None, limit: int) -> Sequence[SelectionReport]:
        query = select(selection.c.report).order_by(selection.c.id.desc()).limit(limit)
        if dataset is not None:
            query = query.where(selection.c.dataset == str(dataset))
        return [from_json(SelectionReport, row.report) for row in self._connection.execute(query)]

    def about(self, dataset: VersionRef) -> Iterator[SelectionReport]:
        before = None
        while True:
            wanted = {"dataset": str(dataset), "before": _NEWEST if before is None else before}
            rows = self._connection.execute(_ABOUT, wanted).all()
            yield from (from_json(SelectionReport, row.report) for row in rows)
            if len(rows) < _PAGE:
                return
            before = rows[-1].id

    def add_ranking(self, value: Ranking) -> None:
        self._connection.execute(
            insert(ranking).values(public_id=value.id, created_at=value.created_at, **_written(value))
        )

    def ranking(self, ranking_id: str) -> Ranking | None:
        found = self._connection.execute(select(ranking.c.body).where(ranking.c.public_id == ranking_id)).first()
        return None if found is None else from_json(Ranking, found.body)

    def move_ranking(self, value: Ranking) -> bool:
        goes_on = ranking.c.state.in_([one.value for one in RankingState if one.goes_on])
        query = update(ranking).where(ranking.c.public_id == value.id, goes_on).values(**_written(value))
        return self._connection.execute(query).rowcount == 1

    def summary(self, model: Digest, data: Digest, split: str) -> bytes | None:
        wanted = {"model": model, "data": data, "split": split}
        found = self._connection.execute(_SUMMARY, wanted).first()
        return None if found is None else bytes(found.body)

    def add_summary(self, model: Digest, data: Digest, split: str, body: bytes) -> None:
        if self.summary(model, data, split) is None:
            values = {"model": model, "data": data, "split": split, "body": body}
            self._connection.execute(insert(feature_summary).values(values))

    def past_transfers(self) -> Sequence[PastTransfer]:
        pairs = self._connection.execute(_pairs()).all()
        times = Counter(row.step for row in pairs)  # two sources or two datasets make several pairs of one step
        whole = {row.step: row for row in pairs if times[row.step] == 1}
        refs = refs_of(self._connection, {key for row in whole.values() for key in (row.source, row.data)})
        measured: dict[int, dict[str, dict[str, float]]] = {}
        for row in self._connection.execute(_tested()):
            if row.step_id in whole and row.value is not None:
                place = measured.setdefault(row.step_id, {}).setdefault(f"{row.data}:{row.split}", {})
                place.setdefault(row.name, row.value)
        return [
            PastTransfer(
                source=refs[row.source],
                data=refs[row.data],
                task=_task(row, refs[row.data]),
                tested=tested,
                metrics=values,
                size=row.size,
                architecture=row.architecture,
            )
            for key, row in whole.items()
            for tested, values in measured.get(key, {}).items()
        ]


def _written(value: Ranking) -> dict[str, Any]:
    return {"state": value.state.value, "body": to_json(value)}


def _pairs() -> Any:
    """One row for each pair of a source and a training dataset of a step that succeeded."""
    source, data = edge.alias("source_edge"), edge.alias("data_edge")
    return (
        select(
            step.c.node_id.label("step"),
            source.c.from_node.label("source"),
            data.c.from_node.label("data"),
            version.c.size,
            model_version.c.architecture,
            asset.c.modality,
            dataset_version.c.labels,
            dataset_version.c.splits,
            data.c.split,
        )
        .join(source, source.c.to_node == step.c.node_id)
        .join(data, data.c.to_node == step.c.node_id)
        .join(model_version, model_version.c.node_id == source.c.from_node)
        .join(version, version.c.node_id == model_version.c.node_id)
        .join(asset, asset.c.id == version.c.asset_id)
        .join(dataset_version, dataset_version.c.node_id == data.c.from_node)
        .where(
            step.c.state == StepState.SUCCEEDED,
            source.c.role == SOURCE,
            source.c.superseded_by.is_(None),
            source.c.assurance != Assurance.DECLARED,
            data.c.role == TRAIN,
            data.c.superseded_by.is_(None),
        )
        .order_by(step.c.node_id)
    )


def _tested() -> Any:
    query = select(metric.c.step_id, metric.c.data, metric.c.split, metric.c.name, metric.c.value)
    return query.where(metric.c.role == TEST).order_by(metric.c.id)


def _task(row: Row[Any], data: VersionRef) -> Task:
    """The rows that were learnt from: those of the split, or of all splits."""
    splits = [one for one in row.splits if row.split in {None, one["name"]}] or row.splits
    classes = {name for one in splits for name in one["classes"]}
    return Task(
        name=data.name,
        modality=Modality(row.modality),
        labels=LabelKind(row.labels),
        rows=sum(one["rows"] for one in splits),
        classes=len(classes),
    )
