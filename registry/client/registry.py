"""All verbs of a remote registry, for the holder of the token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from registry.client.transport.connection import Connection
from registry.domain.people.people import Actor
from registry.errors import NotRemoteError

if TYPE_CHECKING:
    from registry.client.cascade import RemoteCascades
    from registry.client.catalog import RemoteCatalog
    from registry.client.data import RemoteDatasets
    from registry.client.drafts import RemoteDrafts
    from registry.client.drift import RemoteDrift
    from registry.client.governance.corrections import RemoteCorrections
    from registry.client.governance.promotions import RemotePromotions
    from registry.client.governance.recalls import RemoteRecalls, RemoteUpstreams
    from registry.client.governance.reports import RemoteReports
    from registry.client.governance.reviews import RemoteReviews
    from registry.client.governance.upkeep import RemoteAudit, RemoteBackups, RemoteStore
    from registry.client.lineage import RemoteLineage
    from registry.client.notifications import RemoteNotifications
    from registry.client.people import (
        RemoteDevices,
        RemoteIdentities,
        RemotePasswords,
        RemotePeople,
        RemoteSessions,
        RemoteTeams,
    )
    from registry.client.selection import RemoteSelection
    from registry.client.transfers import RemoteTransfers
    from registry.client.transport.downloads import Watch
    from registry.client.uploads import RemoteUploads
    from registry.client.work import RemoteWork
    from registry.domain.people.idempotency import Answer, Claim
    from registry.domain.verbs.registry import Problem, Registry, Terms


def connect(url: str, *, token: str | None = None, allow_http: bool = False) -> RemoteRegistry:
    """The registry that the server at `url` serves. Nothing is sent until a verb is called. Raises: UsageError."""
    return RemoteRegistry(Connection(url, token, allow_http))


@dataclass
class RemoteRegistry:
    """Implements `Registry` over HTTP; `close`, or leaving a `with`, closes its connections."""

    server: Connection
    watch: Watch | None = field(default=None, repr=False)
    """Called with the number of bytes of a file that came."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are open."""
        self.server.close()

    @cached_property
    def actor(self) -> Actor:
        """Who the server says that the token identifies. Raises: UnauthenticatedError."""
        return self.server.get(Actor, "/me")

    @cached_property
    def catalog(self) -> RemoteCatalog:
        """Registered models."""
        from registry.client.catalog import RemoteCatalog  # noqa: PLC0415 - a program needs one subject of nine

        return RemoteCatalog(self.server, self.watch)

    @cached_property
    def datasets(self) -> RemoteDatasets:
        """Datasets."""
        from registry.client.data import RemoteDatasets  # noqa: PLC0415 - as above

        return RemoteDatasets(self.server, self.watch)

    @cached_property
    def transfers(self) -> RemoteTransfers:
        """Recipes and steps."""
        from registry.client.transfers import RemoteTransfers  # noqa: PLC0415 - as above

        return RemoteTransfers(self.server)

    @cached_property
    def work(self) -> RemoteWork:
        """Steps that run on this machine for the server."""
        from registry.client.work import RemoteWork  # noqa: PLC0415 - as above

        return RemoteWork(self.server)

    @cached_property
    def lineage(self) -> RemoteLineage:
        """The lineage graph."""
        from registry.client.lineage import RemoteLineage  # noqa: PLC0415 - as above

        return RemoteLineage(self.server)

    @cached_property
    def promotions(self) -> RemotePromotions:
        """Evidence, requests, votes, policies."""
        from registry.client.governance.promotions import RemotePromotions  # noqa: PLC0415 - as above

        return RemotePromotions(self.server)

    @cached_property
    def reviews(self) -> RemoteReviews:
        """The inbox and findings."""
        from registry.client.governance.reviews import RemoteReviews  # noqa: PLC0415 - as above

        return RemoteReviews(self.server)

    @cached_property
    def recalls(self) -> RemoteRecalls:
        """Recalls and their tasks."""
        from registry.client.governance.recalls import RemoteRecalls  # noqa: PLC0415 - as above

        return RemoteRecalls(self.server)

    @cached_property
    def corrections(self) -> RemoteCorrections:
        """Corrections of the graph."""
        from registry.client.governance.corrections import RemoteCorrections  # noqa: PLC0415 - as above

        return RemoteCorrections(self.server)

    @cached_property
    def upstreams(self) -> RemoteUpstreams:
        """Sources of imported versions."""
        from registry.client.governance.recalls import RemoteUpstreams  # noqa: PLC0415 - as above

        return RemoteUpstreams(self.server)

    @cached_property
    def reports(self) -> RemoteReports:
        """The inventory, and documents for an authority."""
        from registry.client.governance.reports import RemoteReports  # noqa: PLC0415 - as above

        return RemoteReports(self.server)

    @cached_property
    def selection(self) -> RemoteSelection:
        """Which model to start from."""
        from registry.client.selection import RemoteSelection  # noqa: PLC0415 - as above

        return RemoteSelection(self.server)

    @cached_property
    def drift(self) -> RemoteDrift:
        """Whether the data has moved away from a version."""
        from registry.client.drift import RemoteDrift  # noqa: PLC0415 - as above

        return RemoteDrift(self.server)

    @cached_property
    def cascades(self) -> RemoteCascades:
        """What to make again when a parent has a new version."""
        from registry.client.cascade import RemoteCascades  # noqa: PLC0415 - as above

        return RemoteCascades(self.server)

    @cached_property
    def drafts(self) -> RemoteDrafts:
        """What is sent by the protocol of the Hub, before it is a version."""
        from registry.client.drafts import RemoteDrafts  # noqa: PLC0415 - as above

        return RemoteDrafts(self.server)

    @cached_property
    def uploads(self) -> RemoteUploads:
        """What is sent in pieces, before it is a file of a version."""
        from registry.client.uploads import RemoteUploads  # noqa: PLC0415 - as above

        return RemoteUploads(self.server)

    @cached_property
    def notifications(self) -> RemoteNotifications:
        """Webhooks."""
        from registry.client.notifications import RemoteNotifications  # noqa: PLC0415 - as above

        return RemoteNotifications(self.server)

    @cached_property
    def people(self) -> RemotePeople:
        """People, roles, tokens."""
        from registry.client.people import RemotePeople  # noqa: PLC0415 - as above

        return RemotePeople(self.server)

    @cached_property
    def teams(self) -> RemoteTeams:
        """Teams that are closed, and their members."""
        from registry.client.people import RemoteTeams  # noqa: PLC0415 - as above

        return RemoteTeams(self.server)

    @cached_property
    def sessions(self) -> RemoteSessions:
        """Where people are signed in."""
        from registry.client.people import RemoteSessions  # noqa: PLC0415 - as above

        return RemoteSessions(self.server)

    @cached_property
    def passwords(self) -> RemotePasswords:
        """Passwords."""
        from registry.client.people import RemotePasswords  # noqa: PLC0415 - as above

        return RemotePasswords(self.server)

    @cached_property
    def identities(self) -> RemoteIdentities:
        """Accounts of an identity provider."""
        from registry.client.people import RemoteIdentities  # noqa: PLC0415 - as above

        return RemoteIdentities(self.server)

    @cached_property
    def devices(self) -> RemoteDevices:
        """Tokens for machines without a browser."""
        from registry.client.people import RemoteDevices  # noqa: PLC0415 - as above

        return RemoteDevices(self.server)

    @cached_property
    def audit(self) -> RemoteAudit:
        """The audit chain."""
        from registry.client.governance.upkeep import RemoteAudit  # noqa: PLC0415 - as above

        return RemoteAudit(self.server)

    @cached_property
    def store(self) -> RemoteStore:
        """The stored objects."""
        from registry.client.governance.upkeep import RemoteStore  # noqa: PLC0415 - as above

        return RemoteStore(self.server)

    @cached_property
    def backups(self) -> RemoteBackups:
        """Backups of everything."""
        from registry.client.governance.upkeep import RemoteBackups  # noqa: PLC0415 - as above

        return RemoteBackups(self.server)

    def as_actor(self, actor: Actor) -> Registry:
        """Raises: NotRemoteError; over HTTP, who acts is whom the token identifies."""
        raise NotRemoteError(
            f"Over a connection nobody can act as {actor.handle}: the token says who acts",
            remedy="Sign in with that person's own token",
        )

    def under(self, terms: Terms) -> Registry:  # noqa: ARG002 - the verb's own signature
        """Raises: NotRemoteError; the client names conditions and keys in its own requests."""
        raise self._of_server()

    def answer_to(self, claim: Claim) -> Answer | None:  # noqa: ARG002 - as above
        """Raises: NotRemoteError."""
        raise self._of_server()

    def keep_answer(self, claim: Claim, answer: Answer) -> None:  # noqa: ARG002 - as above
        """Raises: NotRemoteError."""
        raise self._of_server()

    def doctor(self) -> Sequence[Problem]:
        """Checks of the server's registry folder and installation, failed and passed."""
        from registry.domain.verbs.registry import Problem  # noqa: PLC0415 - as above

        return self.server.get(tuple[Problem, ...], "/doctor")

    @staticmethod
    def _of_server() -> NotRemoteError:
        return NotRemoteError("The terms of requests are kept by the server itself")
