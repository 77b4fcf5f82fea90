"""Verbs of people, roles, tokens and sessions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from registry.domain.paging import Page, PageRequest
from registry.domain.people.erasure import Erased
from registry.domain.people.people import Actor, NewToken, Person, RoleOffer, Scope, TokenSummary
from registry.domain.people.sessions import SessionSummary, StartedSession, Visit
from registry.domain.people.teams import Level, Team, TeamDetail


class PeopleVerbs(Protocol):
    """People, roles and tokens."""

    def add(self, handle: str, name: str, *, service: bool = False) -> Person: ...
    def search(self, page: PageRequest) -> Page[Person]: ...
    def person(self, handle: str) -> Person:
        """Raises: NotFoundError."""
        ...

    def grant(self, handle: str, role: str) -> Person:
        """Give a role; one whose holders decide on something is offered, and held once somebody else confirms it."""
        ...

    def offers(self) -> Sequence[RoleOffer]: ...
    def confirm(self, handle: str, role: str) -> Person:
        """Raises: NotFoundError; PermissionDeniedError for who offered the role, gets it, or decides on nothing."""
        ...

    def link(self, handle: str, other: str) -> Person:
        """Say that two accounts belong to one person: as voters they count as one."""
        ...

    def set_key(self, handle: str, public: str, *, token: str) -> Person:
        """Register the public Ed25519 key (hexadecimal) that one signs approvals with, in place of the one before.

        Only for oneself. `token` is one of one's own that may decide and that no session made: a fresh sign-in. Raises:
        PermissionDeniedError, UnauthenticatedError, InvalidError; ConflictError for the key of another account.
        """
        ...

    def revoke(self, handle: str, role: str) -> Person: ...
    def erase(self, handle: str, *, reason: str) -> Erased:
        """Ask that a person is erased; called by a second person within seven days, erase them.

        An admin, or the person, asks; somebody else whose role decides confirms. Then the handle becomes a stand-in
        everywhere, roles and tokens end, and what the audit log said of them goes, while its hashes stay. Raises:
        NotFoundError, PermissionDeniedError, ConflictError for the last admin and where nobody could confirm.
        """
        ...

    def withdraw_erasure(self, handle: str) -> Person:
        """Take back that a person was to be erased, before somebody has confirmed it.

        Who asked, the person, or an admin does. Raises: PermissionDeniedError; NotFoundError where nobody has asked.
        """
        ...

    def create_token(
        self,
        handle: str,
        *,
        label: str,
        days: int = 90,
        scope: Scope = Scope.ADMIN,
        teams: Collection[str] = (),
        step: str = "",
    ) -> NewToken:
        """A token, which is perhaps limited to models and datasets of teams, or to one transfer step.

        One for oneself ends with the token that makes it, at the latest, and counts as made by whoever made that.
        Raises: NotFoundError, InvalidError, PermissionDeniedError.
        """
        ...

    def renew_token(self, days: int) -> NewToken:
        """A token that lasts so many days from now, in place of the one that asks, which ends.

        Raises: PermissionDeniedError for one that has a limit, and within a session; InvalidError.
        """
        ...

    def enrol(self, handle: str) -> NewToken:
        """A token for somebody who has none that is theirs alone, good for three days once somebody else confirmed it.

        All that it does is to make one token of that person; every other token and session of the account ends then.
        Raises: NotFoundError, ConflictError for a service account, PermissionDeniedError.
        """
        ...

    def confirm_enrolment(self, handle: str) -> TokenSummary:
        """Confirm what an admin gave out for this person: by somebody who decides and is neither of the two.

        Raises: NotFoundError, PermissionDeniedError.
        """
        ...

    def tokens(self, handle: str | None, page: PageRequest) -> Page[TokenSummary]: ...
    def token(self, token_id: str) -> TokenSummary:
        """One's own token, or as an admin anybody's. Raises: NotFoundError (somebody else's included)."""
        ...

    def revoke_token(self, token_id: str) -> TokenSummary: ...


class TeamVerbs(Protocol):
    """Teams that are closed, and who belongs to them."""

    def list(self) -> Sequence[Team]:
        """The teams that somebody has closed or opened, by name, without closed ones that one does not belong to.

        An admin sees all of them, though not what is in them.
        """
        ...

    def show(self, name: str) -> TeamDetail:
        """One of them, with its members. Raises: NotFoundError."""
        ...

    def close(self, name: str) -> TeamDetail:
        """Hide a team, and all that is in it, from everybody without a level in it: an admin, or who manages it.

        Who closes it manages it, unless somebody does already. Raises: NotFoundError, PermissionDeniedError,
        RefusedError for more closed teams than a registry may have.
        """
        ...

    def open(self, name: str) -> TeamDetail:
        """Show a team to everybody again; or, by an admin, begin a new one. Raises: PermissionDeniedError."""
        ...

    def add_member(self, name: str, handle: str, level: Level) -> TeamDetail:
        """Give somebody a level in a team, in place of the one before: who manages it, for others than themselves.

        An admin does it, for themselves too, where nobody manages it any more. Raises: NotFoundError,
        PermissionDeniedError, ConflictError for the last one who manages it.
        """
        ...

    def remove_member(self, name: str, handle: str) -> TeamDetail:
        """Take somebody's level away, also one's own. Raises: as `add_member`."""
        ...


class SessionVerbs(Protocol):
    """Who a token or a cookie identifies, and where people are signed in."""

    def authenticate(self, secret: str) -> Actor:
        """Raises: UnauthenticatedError for a wrong, expired or revoked token."""
        ...

    def holder(self, token_id: str) -> Actor:
        """Who a token belongs to, by its id. Raises: UnauthenticatedError for an unknown, expired or revoked one."""
        ...

    def begin(self, secret: str, address: str) -> StartedSession:
        """A session for the holder of this token, begun from `address`; either way there is an audit entry.

        Raises: UnauthenticatedError.
        """
        ...

    def visit(self, cookie: str) -> Visit:
        """Who asks with this cookie, and the cookie that takes its place when it is time for one.

        Raises: UnauthenticatedError for a session that is not known, has ended, or was not used for too long.
        """
        ...

    def still(self, session_id: str) -> Actor:
        """Who a session belongs to, while it lasts; asking is not using it. Raises: UnauthenticatedError."""
        ...

    def prove(self, proof: str) -> None:
        """Keep for five minutes that the actor has proved anew, in this session, who they are.

        `proof` is a token of theirs without a limit of place that no session made, or their password. Raises:
        UnauthenticatedError.
        """
        ...

    def end(self, session_id: str) -> None:
        """Sign out of one session; ending it twice changes nothing."""
        ...

    def of(self, handle: str, page: PageRequest) -> Page[SessionSummary]:
        """Where a person is signed in: oneself, or as an admin anybody. Raises: NotFoundError."""
        ...

    def end_all(self, handle: str) -> int:
        """Sign a person out of every browser: oneself, or as an admin anybody. Gives how many sessions ended.

        Tokens stay valid. Raises: NotFoundError, PermissionDeniedError.
        """
        ...
