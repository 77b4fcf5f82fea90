"""One transaction over either database, with one writer at a time.

A unit of work that writes takes the writer's place before it reads anything: SQLite by BEGIN IMMEDIATE, PostgreSQL by
an advisory lock of the transaction. So what a verb checked still holds when it commits: version numbers are never
given twice and the audit chain has no gaps. Readers never wait: WAL on SQLite, snapshots on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import Connection, Engine

from registry.ports.clock import Clock
from registry.storage.sql.engines import begin_reading, begin_writing

if TYPE_CHECKING:
    from registry.domain.audit import Event
    from registry.services.storage.audit import AuditRepository
    from registry.services.storage.backups import WholeDatabase
    from registry.services.storage.catalog import CatalogRepository
    from registry.services.storage.corrections import CorrectionRepository
    from registry.services.storage.data import DatasetRepository
    from registry.services.storage.data_rows import DataRowRepository
    from registry.services.storage.drafts import DraftRepository
    from registry.services.storage.governance import GovernanceRepository
    from registry.services.storage.impact import ImpactRepository
    from registry.services.storage.lineage import GraphRepository
    from registry.services.storage.notifications import MailRepository, NotificationRepository
    from registry.services.storage.objects import ObjectRepository
    from registry.services.storage.people import PeopleRepository
    from registry.services.storage.recalls import RecallRepository
    from registry.services.storage.reviews import ReviewRepository
    from registry.services.storage.selection import SelectionRepository
    from registry.services.storage.teams import TeamRepository
    from registry.services.storage.transfers import LeaseRepository, StepRepository
    from registry.services.storage.weights import WeightRepository
    from registry.storage.audit.checkpoints import Checkpoints
    from registry.storage.audit.head import HeadFile
    from registry.storage.lineage.generations import Generations

__all__ = ["SqlUnitOfWork", "SqlUnitOfWorkFactory"]


class SqlUnitOfWork:
    """Implements `UnitOfWork`. It can be entered once; after a commit nothing more can be asked of it."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        outside: tuple[HeadFile, Checkpoints] | None,
        generations: Callable[[], Generations],
        *,
        actor: str,
        write: bool,
    ) -> None:
        self._engine = engine
        self._generations = generations
        self._outside = outside
        self._clock = clock
        self._actor = actor
        self._write = write
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        if self._connection is not None:
            raise RuntimeError("A unit of work is entered once")
        connection = begin_writing(self._engine) if self._write else begin_reading(self._engine)
        self._connection = connection
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()  # rolls back what was not committed

    @cached_property
    def catalog(self) -> CatalogRepository:
        from registry.storage.catalog.repository import SqlCatalog  # noqa: PLC0415 - a command needs one or two of them

        return SqlCatalog(self._open())

    @cached_property
    def datasets(self) -> DatasetRepository:
        from registry.storage.data.repository import SqlDatasets  # noqa: PLC0415 - a command needs one or two of them

        return SqlDatasets(self._open())

    @cached_property
    def data_rows(self) -> DataRowRepository:
        from registry.storage.data.rows import SqlDataRows  # noqa: PLC0415 - a command needs one or two of them

        return SqlDataRows(self._open())

    @cached_property
    def graph(self) -> GraphRepository:
        from registry.storage.lineage.repository import SqlGraph  # noqa: PLC0415 - a command needs one or two of them

        return SqlGraph(self._open())

    @cached_property
    def impact(self) -> ImpactRepository:
        from registry.storage.lineage.impact import SqlImpact  # noqa: PLC0415 - a command needs one or two of them

        return SqlImpact(self._open(), self._generations)

    @cached_property
    def leases(self) -> LeaseRepository:
        from registry.storage.transfers.leases import SqlLeases  # noqa: PLC0415 - a command needs one or two of them

        return SqlLeases(self._open(), self._clock)

    @cached_property
    def steps(self) -> StepRepository:
        from registry.storage.transfers.repository import SqlSteps  # noqa: PLC0415 - a command needs one or two of them

        return SqlSteps(self._open(), self.leases)

    @cached_property
    def governance(self) -> GovernanceRepository:
        from registry.storage.governance.repository import SqlGovernance  # noqa: PLC0415 - a command needs one or two of them

        return SqlGovernance(self._open())

    @cached_property
    def reviews(self) -> ReviewRepository:
        from registry.storage.governance.reviews import SqlReviews  # noqa: PLC0415 - a command needs one or two of them

        return SqlReviews(self._open())

    @cached_property
    def recalls(self) -> RecallRepository:
        from registry.storage.recalls.repository import SqlRecalls  # noqa: PLC0415 - a command needs one or two of them

        return SqlRecalls(self._open())

    @cached_property
    def corrections(self) -> CorrectionRepository:
        from registry.storage.lineage.corrections import SqlCorrections  # noqa: PLC0415 - a command needs one or two of them

        return SqlCorrections(self._open())

    @cached_property
    def drafts(self) -> DraftRepository:
        from registry.storage.drafts.repository import SqlDrafts  # noqa: PLC0415 - a command needs one or two of them

        return SqlDrafts(self._open())

    @cached_property
    def notifications(self) -> NotificationRepository:
        from registry.storage.notifications.repository import SqlNotifications  # noqa: PLC0415 - a command needs one or two of them

        return SqlNotifications(self._open())

    @cached_property
    def mail(self) -> MailRepository:
        from registry.storage.notifications.mail import SqlMail  # noqa: PLC0415 - a command needs one or two of them

        return SqlMail(self._open())

    @cached_property
    def people(self) -> PeopleRepository:
        from registry.storage.people.repository import SqlPeople  # noqa: PLC0415 - a command needs one or two of them

        return SqlPeople(self._open())

    @cached_property
    def teams(self) -> TeamRepository:
        from registry.storage.people.teams import SqlTeams  # noqa: PLC0415 - a command needs one or two of them

        return SqlTeams(self._open())

    @cached_property
    def audit(self) -> AuditRepository:
        from registry.storage.audit.repository import SqlAudit  # noqa: PLC0415 - a command needs one or two of them

        return SqlAudit(self._open(), *(self._outside or (None, None)))

    @cached_property
    def objects(self) -> ObjectRepository:
        from registry.storage.objects.repository import SqlObjects  # noqa: PLC0415 - a command needs one or two of them

        return SqlObjects(self._open())

    @cached_property
    def selections(self) -> SelectionRepository:
        from registry.storage.selection.repository import SqlSelections  # noqa: PLC0415 - a command needs one or two of them

        return SqlSelections(self._open())

    @cached_property
    def weights(self) -> WeightRepository:
        from registry.storage.lineage.weights import SqlWeights  # noqa: PLC0415 - a command needs one or two of them

        return SqlWeights(self._open())

    @cached_property
    def whole(self) -> WholeDatabase:
        from registry.storage.whole import SqlWholeDatabase  # noqa: PLC0415 - only backups need it

        return SqlWholeDatabase(self._open())

    def commit(self, event: Event, *more: Event) -> None:
        """Chain the events and make everything durable. Raises: InvalidError for an event that JSON cannot hold."""
        from registry.storage.audit.repository import append_events  # noqa: PLC0415 - reading needs none of it

        before, after = append_events(self._writing(), (event, *more), actor=self._actor, at=self._clock.now())
        self._finish()
        if self._outside is not None:
            head, checkpoints = self._outside
            head.advance(before, after)
            checkpoints.after(after.seq, (event, *more))

    def commit_unaudited(self) -> None:
        """Make everything durable without an entry."""
        self._finish()

    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("A unit of work is used inside its with-block")
        return self._connection

    def _writing(self) -> Connection:
        if self._connection is None or not self._write:
            raise RuntimeError("This unit of work was opened for reading: open it with write=True")
        return self._connection

    def _finish(self) -> None:
        connection = self._writing()
        connection.commit()
        connection.close()


class SqlUnitOfWorkFactory:
    """Implements `UnitOfWorkFactory`."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        outside: tuple[HeadFile, Checkpoints] | None = None,
        compiled: Path | None = None,
    ) -> None:
        """`outside` is what is kept of the audit log outside the database: the newest entry, and checkpoints.

        `compiled` is the folder of the compiled graph; None: it is kept in memory only.
        """
        self._engine = engine
        self._clock = clock
        self._outside = outside
        self._compiled = compiled

    @cached_property
    def generations(self) -> Generations:
        """The compiled graph, which all units of work share."""
        from registry.storage.lineage.generations import Generations  # noqa: PLC0415 - NumPy, which few commands need

        return Generations(self._compiled)

    def __call__(self, *, actor: str, write: bool = False) -> SqlUnitOfWork:
        return SqlUnitOfWork(
            self._engine, self._clock, self._outside, lambda: self.generations, actor=actor, write=write
        )
