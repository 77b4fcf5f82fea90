"""People, roles and tokens as storage keeps them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lineage import Digest
from registry.domain.paging import Page, PageRequest
from registry.domain.people.devices import DeviceRequest, DeviceState
from registry.domain.people.erasure import Erasure
from registry.domain.people.identities import BoundIdentity
from registry.domain.people.passwords import KeptPassword
from registry.domain.people.people import Person, RoleOffer, TokenSummary
from registry.domain.people.sessions import SessionSummary


@dataclass(frozen=True, slots=True)
class TakenKey:
    """An idempotency key that a request of a person took. `body` is compressed by zlib."""

    key: str
    request: Digest
    attempt: str
    until: datetime
    status: int | None
    """None until the request is answered."""
    media: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session with the hashes of its cookie and of the one before."""

    summary: SessionSummary
    name: Digest
    rotated_at: datetime
    former: Digest | None = None
    former_until: datetime | None = None
    """Until when the cookie before is good; None as long as the new one has not come back."""
    ended_at: datetime | None = None
    proved_at: datetime | None = None
    """When the person last proved anew who they are."""
    proved_by: str = ""
    """Who could give that proof."""


@dataclass(frozen=True, slots=True)
class KeptDevice:
    """A request of a machine with the hash of its own code, and what was decided by whom."""

    request: DeviceRequest
    name: Digest
    state: DeviceState
    interval: int
    polled_at: datetime | None = None
    person: str = ""
    made_by: str = ""
    """Who could sign in as the person when it was allowed."""


class PeopleRepository(Protocol):
    """People, role grants and tokens."""

    def add(self, person: Person) -> None: ...
    def get(self, handle: str) -> Person | None: ...
    def known(self, handles: Collection[str]) -> Sequence[Person]:
        """Those of `handles` that are people, by handle."""
        ...

    def holding(self, roles: Collection[str]) -> Sequence[Person]:
        """Everybody who has been granted one of `roles` and still has it, by handle."""
        ...

    def held(self, roles: Collection[str], *, without: Collection[str], since: datetime) -> bool:
        """True where an account of a person, other than these, holds one of these roles or held one after `since`."""
        ...

    def search(self, page: PageRequest) -> Page[Person]: ...
    def grant(self, handle: str, role: str, *, by: str, at: datetime) -> None: ...
    def revoke(self, handle: str, role: str, *, by: str, at: datetime) -> None: ...
    def offer(self, offer: RoleOffer) -> None: ...
    def offers(self) -> Sequence[RoleOffer]:
        """Every role that was offered and not confirmed, by person and role."""
        ...

    def drop_offer(self, handle: str, role: str) -> None: ...
    def identify(self, handle: str, identity: str) -> None:
        """Say that this account belongs to the person behind another."""
        ...

    def set_key(self, handle: str, key: str) -> None:
        """Keep the public key that the person signs with, in place of the one before; empty for none."""
        ...

    def with_key(self, key: str) -> str | None:
        """Whose key this is."""
        ...

    def erase(self, erasure: Erasure) -> Mapping[str, str]:
        """Put the stand-in in the place of the person in every row but those of the log and of cards.

        Gives the digests of `erasure` and of the manifests that had to change besides, by what they were.
        """
        ...

    def add_token(self, token: TokenSummary, secret_hash: Digest) -> None: ...
    def token_by_hash(self, secret_hash: Digest) -> TokenSummary | None: ...
    def tokens(self, person: str | None, page: PageRequest) -> Page[TokenSummary]: ...
    def token(self, token_id: str) -> TokenSummary | None: ...
    def confirm_token(self, token_id: str, *, by: str) -> None: ...
    def revoke_token(self, token_id: str, *, at: datetime) -> None: ...
    def touch_token(self, token_id: str, *, at: datetime) -> None: ...
    def add_session(self, session: KeptSession) -> None:
        """Keep it; sessions that were over long before it began are forgotten."""
        ...

    def session(self, session_id: str) -> KeptSession | None: ...
    def session_named(self, name: Digest) -> KeptSession | None:
        """The session whose cookie, or whose cookie before, has this hash."""
        ...

    def change_session(self, before: KeptSession, after: KeptSession) -> bool:
        """Keep what changed. False, and nothing kept, where it has got another cookie or was ended meanwhile."""
        ...

    def sessions(self, person: str, *, since: datetime, now: datetime, page: PageRequest) -> Page[SessionSummary]:
        """Those of a person that have not ended and were used after `since`, newest first."""
        ...

    def end_sessions(self, person: str, *, at: datetime) -> int:
        """End all of a person that have not ended by themselves. Gives how many."""
        ...

    def kept_password(self, handle: str) -> KeptPassword | None:
        """The password of a person, if there is such a person and they have one."""
        ...

    def set_password(self, kept: KeptPassword) -> None:
        """Keep it, in place of the one before."""
        ...

    def drop_password(self, handle: str) -> None: ...
    def identity(self, issuer: str, subject: str) -> BoundIdentity | None:
        """The account that this identity belongs to."""
        ...

    def identities(self, handle: str) -> Sequence[BoundIdentity]:
        """Those of one person, the oldest first."""
        ...

    def add_identity(self, bound: BoundIdentity) -> None: ...
    def change_identity(self, bound: BoundIdentity) -> None:
        """Keep its roles, whether it is good, and who could bind it."""
        ...

    def spend(self, spent: Digest, *, at: datetime) -> bool:
        """Remember that this sign-in is finished. False where it was before."""
        ...

    def add_device(self, kept: KeptDevice) -> None: ...
    def device(self, name: Digest) -> KeptDevice | None:
        """The request of the machine whose own code has this hash."""
        ...

    def device_of(self, code: str) -> KeptDevice | None:
        """The request with this short code."""
        ...

    def change_device(self, kept: KeptDevice) -> None: ...
    def drop_device(self, name: Digest) -> None: ...
    def drop_devices_of(self, handle: str) -> None:
        """Forget those that this person has allowed."""
        ...

    def taken_key(self, handle: str, key: str) -> TakenKey | None: ...
    def keys_of(self, handle: str) -> tuple[int, datetime | None]:
        """How many keys the person has taken, and when the first of them is forgotten."""
        ...

    def take_key(self, handle: str, taken: TakenKey) -> None: ...
    def keep_answer(self, handle: str, key: str, status: int, media: str, body: bytes | None) -> None: ...
    def forget_keys(self, *, before: datetime) -> None:
        """Forget the keys of everybody whose time was over `before`."""
        ...
