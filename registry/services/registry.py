"""The registry: all verbs over one context, for one actor. The module of a subject is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

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
    from registry.services.governance.recalls.verbs import Recalls
    from registry.services.governance.reports.verbs import Reports
    from registry.services.governance.reviews.verbs import Reviews
    from registry.services.governance.upstreams.verbs import Upstreams
    from registry.services.governance.verbs import Promotions
    from registry.services.lineage.verbs import Lineage
    from registry.services.notifications.verbs import Notifications
    from registry.services.people.sessions import Sessions
    from registry.services.people.verbs import People
    from registry.services.selection.verbs import Selection
    from registry.services.transfers.remote.verbs import Work
    from registry.services.transfers.verbs import Transfers
    from registry.services.unit_of_work import UnitOfWork


@dataclass
class LocalRegistry:
    """Implements `Registry` on this machine's own storage; `close`, or leaving a `with`, releases its connections."""

    context: Context
    close: Callable[[], None] = lambda: None

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

        return Catalog(self.context)

    @cached_property
    def datasets(self) -> Datasets:
        """Datasets."""
        from registry.services.data.verbs import Datasets  # noqa: PLC0415 - a command needs one subject of eight

        return Datasets(self.context)

    @cached_property
    def transfers(self) -> Transfers:
        """Recipes and steps."""
        from registry.services.transfers.verbs import Transfers  # noqa: PLC0415 - a command needs one subject of eight

        return Transfers(self.context)

    @cached_property
    def work(self) -> Work:
        """Steps that run on other machines."""
        from registry.services.transfers.remote.verbs import Work  # noqa: PLC0415 - as above

        return Work(self.context)

    @cached_property
    def lineage(self) -> Lineage:
        """The lineage graph."""
        from registry.services.lineage.verbs import Lineage  # noqa: PLC0415 - a command needs one subject of eight

        return Lineage(self.context, _raise_what_disagrees)

    @cached_property
    def promotions(self) -> Promotions:
        """Evidence, requests, votes, policies."""
        from registry.services.governance.verbs import Promotions  # noqa: PLC0415 - a command needs one subject of eight

        return Promotions(self.context)

    @cached_property
    def reviews(self) -> Reviews:
        """Findings."""
        from registry.services.governance.reviews.verbs import Reviews  # noqa: PLC0415 - a command needs one subject of nine

        return Reviews(self.context)

    @cached_property
    def recalls(self) -> Recalls:
        """Recalls and their tasks."""
        from registry.services.governance.recalls.verbs import Recalls  # noqa: PLC0415 - a command needs one subject of ten

        return Recalls(self.context)

    @cached_property
    def upstreams(self) -> Upstreams:
        """Sources of imported versions."""
        from registry.services.governance.upstreams.verbs import Upstreams  # noqa: PLC0415 - a command needs one subject of ten

        return Upstreams(self.context)

    @cached_property
    def reports(self) -> Reports:
        """The inventory, and documents for an authority."""
        from registry.services.governance.reports.verbs import Reports  # noqa: PLC0415 - a command needs one subject of ten

        return Reports(self.context)

    @cached_property
    def selection(self) -> Selection:
        """Which model to start from."""
        from registry.services.selection.verbs import Selection  # noqa: PLC0415 - a command needs one subject of ten

        return Selection(self.context)

    @cached_property
    def drift(self) -> Drift:
        """Whether the data has moved away from a version."""
        from registry.services.drift.verbs import Drift  # noqa: PLC0415 - a command needs one subject of ten

        return Drift(self.context)

    @cached_property
    def cascades(self) -> Cascades:
        """What to make again when a parent has a new version."""
        from registry.services.cascade.verbs import Cascades  # noqa: PLC0415 - a command needs one subject of ten

        return Cascades(self.context)

    @cached_property
    def drafts(self) -> Drafts:
        """What is sent by the protocol of the Hub, before it is a version."""
        from registry.services.drafts.verbs import Drafts  # noqa: PLC0415 - a command needs one subject of ten

        return Drafts(self.context)

    @cached_property
    def uploads(self) -> Uploads:
        """What is sent in pieces, before it is a file of a version."""
        from registry.services.drafts.uploading import Uploads  # noqa: PLC0415 - a command needs one subject of ten

        return Uploads(self.context)

    @cached_property
    def notifications(self) -> Notifications:
        """Webhooks."""
        from registry.services.notifications.verbs import Notifications  # noqa: PLC0415 - a command needs one subject of ten

        return Notifications(self.context)

    @cached_property
    def people(self) -> People:
        """People, roles, tokens."""
        from registry.services.people.verbs import People  # noqa: PLC0415 - a command needs one subject of eight

        return People(self.context)

    @cached_property
    def sessions(self) -> Sessions:
        """Who a token or a cookie identifies, and where people are signed in."""
        from registry.services.people.sessions import Sessions  # noqa: PLC0415 - a command needs one subject of eight

        return Sessions(self.context)

    @cached_property
    def audit(self) -> Audit:
        """The audit chain."""
        from registry.services.audit.verbs import Audit  # noqa: PLC0415 - a command needs one subject of eight

        return Audit(self.context)

    @cached_property
    def store(self) -> Store:
        """The stored objects."""
        from registry.services.artifacts.verbs import Store  # noqa: PLC0415 - a command needs one subject of eight

        return Store(self.context)

    @cached_property
    def backups(self) -> Backups:
        """Backups of everything."""
        from registry.services.backups.creating import Backups  # noqa: PLC0415 - a command needs one subject of nine

        return Backups(self.context)

    def doctor(self) -> Sequence[Problem]:
        """Checks of this registry folder and installation, failed and passed."""
        from registry.services.doctor import examine  # noqa: PLC0415 - as of the others

        return examine(self.context)


def _raise_what_disagrees(context: Context, ref: VersionRef) -> None:
    from registry.services.governance.disagreements import raise_what_disagrees  # noqa: PLC0415 - one verb of many

    raise_what_disagrees(context, ref)
