"""The verbs of choosing what to start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry.domain.names import AssetKind, Reference
from registry.domain.people.people import Permission
from registry.domain.selection.backtest import Backtest
from registry.domain.selection.likeness import Likeness
from registry.domain.selection.report import SelectionReport
from registry.domain.selection.standings import Standings
from registry.domain.verbs.selection import CompareDatasets, Ranking, Recommend
from registry.errors import BadReferenceError, NotFoundError
from registry.services.context import Context
from registry.services.lookup import resolve
from registry.services.selection.ranking import is_one, stands, start

MOST = 50
"""Reports that are listed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Implements `SelectionVerbs`."""

    context: Context

    def recommend(
        self,
        wanted: Recommend,
        watch: Callable[[str], None] = lambda _: None,
        show: Callable[[Standings], None] = lambda _: None,
    ) -> SelectionReport:
        """Score, order, conclude, and keep the report; see `registry.services.selection.recommending`."""
        from registry.services.selection.recommending import recommend  # noqa: PLC0415 - it needs NumPy

        return recommend(self.context, wanted, watch, show)

    def start(self, wanted: Recommend) -> Ranking:
        """See `registry.services.selection.ranking`."""
        return start(self.context, wanted)

    def ranking(self, ranking_id: str) -> Ranking:
        """How it stands; one whose process ended without a result has failed."""
        return stands(self.context, ranking_id)

    def report(self, report_id: str) -> SelectionReport:
        """One report. Raises: NotFoundError."""
        self.context.actor.require(Permission.READ)
        if not is_one(report_id):
            raise NotFoundError(f"{report_id[:80]!r} is not the id of a selection report")
        with self.context.read() as uow:
            report = uow.selections.get(report_id)
        if report is None:
            raise NotFoundError(f"There is no selection report {report_id}")
        return report

    def reports(self, dataset: Reference | None = None) -> Sequence[SelectionReport]:
        """The newest reports. Raises: BadReferenceError, NotFoundError."""
        self.context.actor.require(Permission.READ)
        if dataset is not None and dataset.kind is not AssetKind.DATASETS:
            raise BadReferenceError(f"{dataset} is not a dataset", remedy="Write datasets:/team/name/1")
        with self.context.read() as uow:
            ref = None if dataset is None else resolve(uow, dataset)
            return uow.selections.newest(dataset=ref, limit=MOST)

    def backtest(self) -> Backtest:
        """See `registry.services.selection.backtesting`. Raises: NotFoundError."""
        from registry.services.selection.backtesting import backtest  # noqa: PLC0415 - it needs NumPy

        self.context.actor.require(Permission.READ)
        return backtest(self.context)

    def compare(self, wanted: CompareDatasets, watch: Callable[[str], None] = lambda _: None) -> Likeness:
        """See `registry.services.selection.comparing`."""
        from registry.services.selection.comparing import compare  # noqa: PLC0415 - it needs NumPy

        return compare(self.context, wanted, watch)
