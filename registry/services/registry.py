"""The registry: all verbs over one context, for one actor. The module of a subject is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from lineage import Digest
from registry.domain.names import VersionRef
from registry.domain.people.people import Actor
from registry.services.context import Context, FirstChange

if TYPE_CHECKING:
    from registry.domain.people.idempotency import Answer, Claim
    from registry.domain.verbs.registry import Problem, Terms
    from registry.services.artifacts.verbs import Store
    from registry.services.audit.verbs import Audit
    from registry.services.backups.creating import Backups
    from registry.services.cascade.verbs import Cascades
    from registry.services.catalog.verbs import Catalog
    from registry.services.data.verbs import Datasets
    from registry.services.drafts.uploading import Uploads
    from registry.services.drafts.verbs import Drafts
    from registry.services.drift.verbs import Drift
    from registry.services.governance.corrections.verbs import Corrections
    from registry.services.governance.recalls.verbs import Recalls
    from registry.services.governance.reports.verbs import Reports
    from registry.services.governance.reviews.verbs import Reviews
    from registry.services.governance.upstreams.verbs import Upstreams
    from registry.services.governance.verbs import Promotions
    from registry.services.lineage.verbs import Lineage
    from registry.services.notifications.verbs import Notifications
    from registry.services.people.devices import Devices
    from registry.services.people.identities import Identities
    from registry.services.people.passwords import Passwords
    from registry.services.people.sessions import Sessions
    from registry.services.people.teams import Teams
    from registry.services.people.verbs import People
    from registry.services.selection.verbs import Selection
    from registry.services.transfers.remote.verbs import Work
    from registry.services.transfers.verbs import Transfers
    from registry.services.unit_of_work import UnitOfWork


T = TypeVar("T")


@dataclass
class LocalRegistry:
    """Implements `Registry` on this machine's own storage; `close`, or leaving a `with`, releases its connections."""

    context: Context
    close: Callable[[], None] = lambda: None
    write_back: Callable[[], None] = lambda: None
    """What a server does again and again so that no change has to: copies the database's log of changes into it."""
    standing: Callable[[Digest, object], object | None] = lambda _secret_hash, _before: None
    """What a token stands on, by its hash, beside what it stood on before: see `Database.standing`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.context.actor

    def as_actor(self, actor: Actor) -> LocalRegistry:
        """The same registry for another actor."""
        return LocalRegistry(self.context.as_actor(actor), self.close)

    def under(self, terms: Terms) -> LocalRegistry:
        """The same registry, for one request that changes something only on these terms."""
        from registry.services.people.idempotency import take  # noqa: PLC0415 - a request without terms needs none of it

        def check(uow: UnitOfWork) -> None:
            if terms.claim is not None:
                take(self.context, uow, terms.claim())
            if terms.unchanged is not None:
                terms.unchanged(LocalRegistry(replace(self.context, within=uow)))

        return LocalRegistry(replace(self.context, first_change=FirstChange(check)), self.close)

    def answer_to(self, claim: Claim) -> Answer | None:
        """The answer that an earlier attempt at the same request got."""
        from registry.services.people.idempotency import answer_to  # noqa: PLC0415 - a request without a key needs none of it

        return answer_to(self.context, claim)

    def keep_answer(self, claim: Claim, answer: Answer) -> None:
        """Keep what the request was answered with."""
        from registry.services.people.idempotency import keep  # noqa: PLC0415 - a request without a key needs none of it

        keep(self.context, claim, answer)

    @cached_property
    def catalog(self) -> Catalog:
        """Registered models."""
        from registry.services.catalog.verbs import Catalog  # noqa: PLC0415 - a command needs one subject of eight

        return self._guarded(Catalog(self.context), "catalog")

    @cached_property
    def datasets(self) -> Datasets:
        """Datasets."""
        from registry.services.data.verbs import Datasets  # noqa: PLC0415 - a command needs one subject of eight

        return self._guarded(Datasets(self.context), "datasets")

    @cached_property
    def transfers(self) -> Transfers:
        """Recipes and steps."""
        from registry.services.transfers.verbs import Transfers  # noqa: PLC0415 - a command needs one subject of eight

        return self._guarded(Transfers(self.context), "transfers")

    @cached_property
    def work(self) -> Work:
        """Steps that run on other machines."""
        from registry.services.transfers.remote.verbs import Work  # noqa: PLC0415 - as above

        return self._guarded(Work(self.context), "work")

    @cached_property
    def lineage(self) -> Lineage:
        """The lineage graph."""
        from registry.services.lineage.verbs import Lineage  # noqa: PLC0415 - a command needs one subject of eight

        return self._guarded(Lineage(self.context, _raise_what_disagrees), "lineage")

    @cached_property
    def promotions(self) -> Promotions:
        """Evidence, requests, votes, policies."""
        from registry.services.governance.verbs import Promotions  # noqa: PLC0415 - a command needs one subject of eight

        return self._guarded(Promotions(self.context), "promotions")

    @cached_property
    def reviews(self) -> Reviews:
        """Findings."""
        from registry.services.governance.reviews.verbs import Reviews  # noqa: PLC0415 - a command needs one subject of nine

        return self._guarded(Reviews(self.context), "reviews")

    @cached_property
    def recalls(self) -> Recalls:
        """Recalls and their tasks."""
        from registry.services.governance.recalls.verbs import Recalls  # noqa: PLC0415 - a command needs one subject of ten

        return self._guarded(Recalls(self.context), "recalls")

    @cached_property
    def corrections(self) -> Corrections:
        """Corrections of the graph."""
        from registry.services.governance.corrections.verbs import Corrections  # noqa: PLC0415 - a command needs one subject of ten

        return self._guarded(Corrections(self.context), "corrections")

    @cached_property
    def upstreams(self) -> Upstreams:
        """Sources of imported versions."""
        from registry.services.governance.upstreams.verbs import Upstreams  # noqa: PLC0415 - a command needs one subject of ten

        return self._guarded(Upstreams(self.context), "upstreams")

    @cached_property
    def reports(self) -> Reports:
        """The inventory, and documents for an authority."""
        from registry.services.governance.reports.verbs import Reports  # noqa: PLC0415 - a command needs one subject of ten

        return self._guarded(Reports(self.context), "reports")

    @cached_property
    def selection(self) -> Selection:
        """Which model to start from."""
        from registry.services.selection.verbs import Selection  # noqa: PLC0415 - a command needs one subject of ten

        return self._guarded(Selection(self.context), "selection")

    @cached_property
    def drift(self) -> Drift:
        """Whether the data has moved away from a version."""
        from registry.services.drift.verbs import Drift  # noqa: PLC0415 - a command needs one subject of ten

        return self._guarded(Drift(self.context), "drift")

    @cached_property
    def cascades(self) -> Cascades:
        """What to make again when a parent has a new version."""
        from registry.services.cascade.verbs import Cascades  # noqa: PLC0415 - a command needs one subject of ten

        return self._guarded(Cascades(self.context), "cascades")

    @cached_property
    def drafts(self) -> Drafts:
        """What is sent by the protocol of the Hub, before it is a version."""
        from registry.services.drafts.verbs import Drafts  # noqa: PLC0415 - a command needs one subject of ten

        return self._guarded(Drafts(self.context), "drafts")

    @cached_property
    def uploads(self) -> Uploads:
        """What is sent in pieces, before it is a file of a version."""
        from registry.services.drafts.uploading import Uploads  # noqa: PLC0415 - a command needs one subject of ten

        return self._guarded(Uploads(self.context), "uploads")

    @cached_property
    def notifications(self) -> Notifications:
        """Webhooks."""
        from registry.services.notifications.verbs import Notifications  # noqa: PLC0415 - a command needs one subject of ten

        return self._guarded(Notifications(self.context), "notifications")

    @cached_property
    def people(self) -> People:
        """People, roles, tokens."""
        from registry.services.people.verbs import People  # noqa: PLC0415 - a command needs one subject of eight

        return self._guarded(People(self.context), "people")

    @cached_property
    def teams(self) -> Teams:
        """Teams that are closed, and their members."""
        from registry.services.people.teams import Teams  # noqa: PLC0415 - a command needs one subject of eight

        return self._guarded(Teams(self.context), "teams")

    @cached_property
    def sessions(self) -> Sessions:
        """Who a token or a cookie identifies, and where people are signed in."""
        from registry.services.people.sessions import Sessions  # noqa: PLC0415 - a command needs one subject of eight

        return self._guarded(Sessions(self.context), "sessions")

    @cached_property
    def passwords(self) -> Passwords:
        """Passwords, and what one gets for one."""
        from registry.services.people.passwords import Passwords  # noqa: PLC0415 - as above

        return self._guarded(Passwords(self.context), "passwords")

    @cached_property
    def identities(self) -> Identities:
        """Accounts of an identity provider."""
        from registry.services.people.identities import Identities  # noqa: PLC0415 - as above

        return self._guarded(Identities(self.context), "identities")

    @cached_property
    def devices(self) -> Devices:
        """Tokens for machines without a browser."""
        from registry.services.people.devices import Devices  # noqa: PLC0415 - as above

        return self._guarded(Devices(self.context), "devices")

    @cached_property
    def audit(self) -> Audit:
        """The audit chain."""
        from registry.services.audit.verbs import Audit  # noqa: PLC0415 - a command needs one subject of eight

        return self._guarded(Audit(self.context), "audit")

    @cached_property
    def store(self) -> Store:
        """The stored objects."""
        from registry.services.artifacts.verbs import Store  # noqa: PLC0415 - a command needs one subject of eight

        return self._guarded(Store(self.context), "store")

    @cached_property
    def backups(self) -> Backups:
        """Backups of everything."""
        from registry.services.backups.creating import Backups  # noqa: PLC0415 - a command needs one subject of nine

        return self._guarded(Backups(self.context), "backups")

    def doctor(self) -> Sequence[Problem]:
        """Checks of this registry folder and installation, failed and passed."""
        return self._guarded(_Doctor(self.context), "doctor").examine()

    def _guarded(self, verbs: T, subject: str) -> T:
        """The verbs, for a person to whom a team is closed with what they may not see left out."""
        if not self.context.actor.sight:
            return verbs
        from registry.services.sight.guarding import guarded  # noqa: PLC0415 - only where a team is closed

        return guarded(verbs, subject, self.context)


@dataclass(frozen=True, slots=True)
class _Doctor:
    context: Context

    def examine(self) -> Sequence[Problem]:
        from registry.services.doctor import examine  # noqa: PLC0415 - as of the others

        return examine(self.context)


def _raise_what_disagrees(context: Context, ref: VersionRef) -> None:
    from registry.services.governance.disagreements import raise_what_disagrees  # noqa: PLC0415 - one verb of many

    raise_what_disagrees(context, ref)
