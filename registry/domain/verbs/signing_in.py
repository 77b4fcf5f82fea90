"""Verbs of signing in otherwise than with a token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lineage import Digest
from registry.domain.people.devices import BegunDevice, DeviceAnswer, DeviceRequest, DeviceWish
from registry.domain.people.identities import BoundIdentity, Identity
from registry.domain.people.passwords import PasswordSummary
from registry.domain.people.people import NewToken
from registry.domain.people.sessions import StartedSession
from registry.domain.people.signing_in import AskedToken


class IdentityVerbs(Protocol):
    """Accounts of an identity provider, and who signs in with them. The provider itself is asked before."""

    def of(self, handle: str) -> Sequence[BoundIdentity]:
        """Those of a person: one's own, or as an admin anybody's. Raises: NotFoundError, PermissionDeniedError."""
        ...

    def begin(self, identity: Identity, spent: Digest, address: str) -> StartedSession:
        """A session for whom a provider has signed in, with the roles of the groups; `spent` is good once.

        Somebody new gets an account where the settings say so. Raises: UnauthenticatedError, ConflictError.
        """
        ...

    def bind(self, identity: Identity, spent: Digest) -> BoundIdentity:
        """Bind it to one's own account for good, in a session that was proved a moment ago; `spent` is good once.

        One that is bound already proves the session, where the provider has asked anew who it is. Raises: ConflictError
        where it belongs to another account, and the two count as one person from then on; PermissionDeniedError,
        UnauthenticatedError.
        """
        ...

    def unbind(self, handle: str) -> Sequence[BoundIdentity]:
        """End what somebody signs in by a provider with: one's own, or as an admin anybody's. Gives what ended.

        Roles that its groups gave and sessions end. It still belongs to the person, who can bind it anew. Raises:
        NotFoundError, PermissionDeniedError; ConflictError for one's own where there is no other way to sign in.
        """
        ...


class DeviceVerbs(Protocol):
    """Tokens for machines without a browser (RFC 8628)."""

    def begin(self, wish: DeviceWish, address: str) -> BegunDevice:
        """Ask for a token, from `address`, as nobody yet: someone who is signed in decides. Raises: InvalidError."""
        ...

    def poll(self, device_code: str) -> DeviceAnswer:
        """What became of it; the token, once. Whoever asks too soon is told to slow down."""
        ...

    def show(self, code: str) -> DeviceRequest:
        """Who asks for what with this short code. Raises: NotFoundError; ConflictError once it is decided."""
        ...

    def allow(self, code: str) -> DeviceRequest:
        """Allow it to act as oneself, as far as its scope. Raises: as `show`; PermissionDeniedError."""
        ...

    def refuse(self, code: str) -> DeviceRequest:
        """Refuse it. Raises: as `show`."""
        ...


class PasswordVerbs(Protocol):
    """Passwords, and what one gets for one."""

    def of(self, handle: str) -> PasswordSummary:
        """Since when one has a password; as an admin, anybody. Raises: NotFoundError without one."""
        ...

    def set(self, handle: str, password: str, *, proof: str, revoke_tokens: bool = False) -> PasswordSummary:
        """Set one's own password; all sessions of the person end. Nobody sets that of somebody else.

        `proof` is a token of one's own without a limit that no session made, or the password before. Tokens stay
        valid, or with `revoke_tokens` all end but the one that asks. Raises: PermissionDeniedError,
        UnauthenticatedError, InvalidError for a password that is refused, ConflictError where there are none.
        """
        ...

    def remove(self, handle: str, *, revoke_tokens: bool = False) -> PasswordSummary:
        """Take a password away, one's own or as an admin anybody's; sessions of the person end.

        Tokens as in `set`. Raises: NotFoundError without one, PermissionDeniedError.
        """
        ...

    def begin(self, handle: str, password: str, address: str) -> StartedSession:
        """A session for who knows the password of `handle`, begun from `address`. Raises: UnauthenticatedError."""
        ...

    def token(self, handle: str, password: str, wish: AskedToken, address: str) -> NewToken:
        """A token for who knows the password of `handle`. Raises: UnauthenticatedError, InvalidError."""
        ...
