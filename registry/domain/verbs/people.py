"""Verbs of people, roles and tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from registry.domain.paging import Page, PageRequest
from registry.domain.people.erasure import Erased
from registry.domain.people.people import Actor, NewToken, Person, RoleOffer, Scope, TokenSummary


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

        Only for oneself. `token` is one of one's own that may decide: a fresh sign-in. Raises: PermissionDeniedError,
        UnauthenticatedError, InvalidError; ConflictError for the key of another account.
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

    def create_token(self, handle: str, *, label: str, days: int = 90, scope: Scope = Scope.ADMIN) -> NewToken: ...
    def tokens(self, handle: str | None, page: PageRequest) -> Page[TokenSummary]: ...
    def token(self, token_id: str) -> TokenSummary:
        """One's own token, or as an admin anybody's. Raises: NotFoundError (somebody else's included)."""
        ...

    def revoke_token(self, token_id: str) -> TokenSummary: ...
    def authenticate(self, secret: str) -> Actor:
        """Raises: UnauthenticatedError for a wrong, expired or revoked token."""
        ...

    def begin_session(self, secret: str, address: str) -> TokenSummary:
        """The valid token with this secret, for a new session from `address`; either way there is an audit entry.

        Raises: UnauthenticatedError.
        """
        ...

    def end_session(self, token_id: str, session: str, until: datetime) -> None:
        """End the session with this name, which would be over at `until`; ending it twice changes nothing."""
        ...

    def actor_of_token(self, token_id: str, session: str | None = None) -> Actor:
        """The person of a valid token, with their roles now. Raises: UnauthenticatedError, for an ended session too."""
        ...
