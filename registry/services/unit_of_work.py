"""What services need from storage: one unit of work, with a repository for each subject.

Leaving a unit of work without `commit` rolls everything back. `commit` takes the events that say what changed, and
writes them to the audit chain in the same transaction: nothing changes without an entry, except the bookkeeping of
`commit_unaudited`.

Times are timezone-aware UTC. Repositories return values, never database rows. Reading something that does not exist, or
was deleted, gives None; writing about it raises NotFoundError.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

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


class UnitOfWork(Protocol):
    """One transaction. Use as `with uow_factory() as uow: …; uow.commit(Event(…))`."""

    @property
    def catalog(self) -> CatalogRepository: ...
    @property
    def datasets(self) -> DatasetRepository: ...
    @property
    def data_rows(self) -> DataRowRepository: ...
    @property
    def graph(self) -> GraphRepository: ...
    @property
    def impact(self) -> ImpactRepository: ...
    @property
    def steps(self) -> StepRepository: ...
    @property
    def leases(self) -> LeaseRepository: ...
    @property
    def governance(self) -> GovernanceRepository: ...
    @property
    def reviews(self) -> ReviewRepository: ...
    @property
    def recalls(self) -> RecallRepository: ...
    @property
    def corrections(self) -> CorrectionRepository: ...
    @property
    def drafts(self) -> DraftRepository: ...
    @property
    def notifications(self) -> NotificationRepository: ...
    @property
    def mail(self) -> MailRepository: ...
    @property
    def people(self) -> PeopleRepository: ...
    @property
    def teams(self) -> TeamRepository: ...
    @property
    def audit(self) -> AuditRepository: ...
    @property
    def objects(self) -> ObjectRepository: ...
    @property
    def selections(self) -> SelectionRepository: ...
    @property
    def weights(self) -> WeightRepository: ...
    @property
    def whole(self) -> WholeDatabase: ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def commit(self, event: Event, *more: Event) -> None:
        """Write the events to the audit chain and make everything durable, or nothing at all."""
        ...

    def commit_unaudited(self) -> None:
        """For bookkeeping that changes no decision: progress, curve points, mirror state, a token's last use."""
        ...


class UnitOfWorkFactory(Protocol):
    """Opens units of work for one actor."""

    def __call__(self, *, actor: str, write: bool = False) -> UnitOfWork:
        """A new transaction; `write=True` waits for other writers at once (SQLite: BEGIN IMMEDIATE)."""
        ...
