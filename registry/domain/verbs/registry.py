"""All verbs together, for one actor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from registry.domain.drafts.uploads import UploadVerbs
from registry.domain.drafts.verbs import DraftVerbs
from registry.domain.notifications.verbs import NotificationVerbs
from registry.domain.people.idempotency import Answer, Claim
from registry.domain.people.people import Actor
from registry.domain.transfers.work import WorkVerbs
from registry.domain.verbs.audit import AuditVerbs
from registry.domain.verbs.backups import BackupVerbs
from registry.domain.verbs.cascade import CascadeVerbs
from registry.domain.verbs.catalog import CatalogVerbs
from registry.domain.verbs.corrections import CorrectionVerbs
from registry.domain.verbs.data import DatasetVerbs
from registry.domain.verbs.drift import DriftVerbs
from registry.domain.verbs.governance import PromotionVerbs
from registry.domain.verbs.lineage import LineageVerbs
from registry.domain.verbs.people import PeopleVerbs, SessionVerbs, TeamVerbs
from registry.domain.verbs.recalls import RecallVerbs, UpstreamVerbs
from registry.domain.verbs.reports import ReportVerbs
from registry.domain.verbs.reviews import ReviewVerbs
from registry.domain.verbs.selection import SelectionVerbs
from registry.domain.verbs.signing_in import DeviceVerbs, IdentityVerbs, PasswordVerbs
from registry.domain.verbs.store import StoreVerbs
from registry.domain.verbs.transfers import TransferVerbs


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that `doctor` found. `level`: ok, warning or error."""

    level: str
    check: str
    message: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What must hold for a request to change anything; checked inside the transaction of its first change.

    `unchanged` is called with a registry that reads in that transaction, and raises an error to refuse. `claim` is
    asked then: the digest of an upload is known only when all of it has arrived.
    """

    unchanged: Callable[[Registry], None] | None = None
    claim: Callable[[], Claim] | None = None


class Registry(Protocol):
    """All verbs, for one actor."""

    @property
    def actor(self) -> Actor: ...
    @property
    def catalog(self) -> CatalogVerbs: ...
    @property
    def datasets(self) -> DatasetVerbs: ...
    @property
    def transfers(self) -> TransferVerbs: ...
    @property
    def work(self) -> WorkVerbs: ...
    @property
    def lineage(self) -> LineageVerbs: ...
    @property
    def promotions(self) -> PromotionVerbs: ...
    @property
    def reviews(self) -> ReviewVerbs: ...
    @property
    def recalls(self) -> RecallVerbs: ...
    @property
    def corrections(self) -> CorrectionVerbs: ...
    @property
    def upstreams(self) -> UpstreamVerbs: ...
    @property
    def reports(self) -> ReportVerbs: ...
    @property
    def selection(self) -> SelectionVerbs: ...
    @property
    def drift(self) -> DriftVerbs: ...
    @property
    def cascades(self) -> CascadeVerbs: ...
    @property
    def drafts(self) -> DraftVerbs: ...
    @property
    def uploads(self) -> UploadVerbs: ...
    @property
    def notifications(self) -> NotificationVerbs: ...
    @property
    def people(self) -> PeopleVerbs: ...
    @property
    def teams(self) -> TeamVerbs: ...
    @property
    def sessions(self) -> SessionVerbs: ...
    @property
    def passwords(self) -> PasswordVerbs: ...
    @property
    def identities(self) -> IdentityVerbs: ...
    @property
    def devices(self) -> DeviceVerbs: ...
    @property
    def audit(self) -> AuditVerbs: ...
    @property
    def store(self) -> StoreVerbs: ...
    @property
    def backups(self) -> BackupVerbs: ...

    def as_actor(self, actor: Actor) -> Registry:
        """The same registry for another actor."""
        ...

    def under(self, terms: Terms) -> Registry:
        """The same registry, for one request that changes something only on these terms."""
        ...

    def answer_to(self, claim: Claim) -> Answer | None:
        """The answer that an earlier attempt at the same request got; None if there was none.

        Raises: KeyReusedError, RepeatedRequestError.
        """
        ...

    def keep_answer(self, claim: Claim, answer: Answer) -> None:
        """Keep what the request was answered with, for a day. An attempt that was not the first keeps nothing."""
        ...

    def doctor(self) -> Sequence[Problem]:
        """Checks of this registry folder and installation, failed and passed."""
        ...
