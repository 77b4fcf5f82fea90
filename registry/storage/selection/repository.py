"""The repository of selection reports: each is one JSON document, because it is always written and read whole."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from registry.domain.codec import from_json, to_json
from registry.domain.names import VersionRef
from registry.domain.selection.report import SelectionReport
from registry.storage.tables import selection


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
