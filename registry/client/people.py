"""The verbs of people, roles and tokens over HTTP."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Never

from lineage import Digest
from registry.client.transport.addresses import paging, part
from registry.client.transport.connection import Connection, signed_in
from registry.domain.paging import Page, PageRequest
from registry.domain.people.devices import BegunDevice, DeviceAnswer, DeviceRequest, DeviceWish, check_user_code
from registry.domain.people.erasure import Erased
from registry.domain.people.identities import BoundIdentity, Identity
from registry.domain.people.passwords import PasswordSummary
from registry.domain.people.people import (
    Actor,
    NewToken,
    Person,
    RoleOffer,
    Scope,
    TokenSummary,
    check_handle,
    check_role,
)
from registry.domain.people.sessions import SessionSummary, StartedSession, Visit
from registry.domain.people.signing_in import AskedToken
from registry.domain.people.teams import Level, Team, TeamDetail, check_team
from registry.errors import NotRemoteError


@dataclass(frozen=True, slots=True)
class RemotePeople:
    """Implements `PeopleVerbs`. Whom a token identifies is for the server alone to say."""

    server: Connection

    def add(self, handle: str, name: str, *, service: bool = False) -> Person:
        body = {"handle": check_handle(handle), "name": name, "service": service}
        return self.server.send(Person, "POST", "/people", body)

    def search(self, page: PageRequest) -> Page[Person]:
        return self.server.get(Page[Person], "/people", paging(page))

    def person(self, handle: str) -> Person:
        return self.server.get(Person, _at(handle))

    def grant(self, handle: str, role: str) -> Person:
        return self.server.send(Person, "PUT", f"{_at(handle)}/roles/{check_role(role)}")

    def offers(self) -> Sequence[RoleOffer]:
        return self.server.get(tuple[RoleOffer, ...], "/role-offers")

    def confirm(self, handle: str, role: str) -> Person:
        return self.server.send(Person, "POST", f"{_at(handle)}/roles/{check_role(role)}/confirm")

    def link(self, handle: str, other: str) -> Person:
        return self.server.send(Person, "PUT", f"{_at(handle)}/same-as/{check_handle(other)}")

    def revoke(self, handle: str, role: str) -> Person:
        return self.server.send(Person, "DELETE", f"{_at(handle)}/roles/{check_role(role)}")

    def set_key(self, handle: str, public: str, *, token: str) -> Person:
        return signed_in(self.server, Person, "PUT", f"{_at(handle)}/key", {"key": public}, token)

    def erase(self, handle: str, *, reason: str) -> Erased:
        return self.server.send(Erased, "POST", f"{_at(handle)}/erasure", {"reason": reason})

    def withdraw_erasure(self, handle: str) -> Person:
        return self.server.send(Person, "DELETE", f"{_at(handle)}/erasure")

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
        limits = {"teams": list(teams), "step": step} if teams or step else {}  # servers from before know neither
        wish = {"label": label, "days": days, "scope": scope.value, **limits}
        return self.server.send(NewToken, "POST", f"{_at(handle)}/tokens", wish)

    def renew_token(self, days: int) -> NewToken:
        return self.server.send(NewToken, "POST", "/me/token", {"days": days})

    def enrol(self, handle: str) -> NewToken:
        return self.server.send(NewToken, "POST", f"{_at(handle)}/enrolment")

    def confirm_enrolment(self, handle: str) -> TokenSummary:
        return self.server.send(TokenSummary, "POST", f"{_at(handle)}/enrolment/confirm")

    def tokens(self, handle: str | None, page: PageRequest) -> Page[TokenSummary]:
        return self.server.get(Page[TokenSummary], "/tokens", {"person": handle, **paging(page)})

    def token(self, token_id: str) -> TokenSummary:
        return self.server.get(TokenSummary, f"/tokens/{part(token_id)}")

    def revoke_token(self, token_id: str) -> TokenSummary:
        return self.server.send(TokenSummary, "DELETE", f"/tokens/{part(token_id)}")


@dataclass(frozen=True, slots=True)
class RemoteTeams:
    """Implements `TeamVerbs`."""

    server: Connection

    def list(self) -> Sequence[Team]:
        return self.server.get(tuple[Team, ...], "/teams")

    def show(self, name: str) -> TeamDetail:
        return self.server.get(TeamDetail, f"/teams/{check_team(name)}")

    def close(self, name: str) -> TeamDetail:
        return self.server.send(TeamDetail, "POST", f"/teams/{check_team(name)}/close")

    def open(self, name: str) -> TeamDetail:
        return self.server.send(TeamDetail, "POST", f"/teams/{check_team(name)}/open")

    def add_member(self, name: str, handle: str, level: Level) -> TeamDetail:
        at = f"/teams/{check_team(name)}/members/{check_handle(handle)}"
        return self.server.send(TeamDetail, "PUT", at, {"level": level.value})

    def remove_member(self, name: str, handle: str) -> TeamDetail:
        return self.server.send(TeamDetail, "DELETE", f"/teams/{check_team(name)}/members/{check_handle(handle)}")


@dataclass(frozen=True, slots=True)
class RemoteSessions:
    """Implements `SessionVerbs`. Whom a token or a cookie identifies is for the server alone to say."""

    server: Connection

    def authenticate(self, secret: str) -> Actor:  # noqa: ARG002 - the verb's own signature
        refuse_here()

    def holder(self, token_id: str) -> Actor:  # noqa: ARG002 - as above
        refuse_here()

    def begin(self, secret: str, address: str) -> StartedSession:  # noqa: ARG002 - as above
        refuse_here()

    def visit(self, cookie: str) -> Visit:  # noqa: ARG002 - as above
        refuse_here()

    def still(self, session_id: str) -> Actor:  # noqa: ARG002 - as above
        refuse_here()

    def prove(self, proof: str) -> None:  # noqa: ARG002 - as above
        refuse_here()

    def end(self, session_id: str) -> None:  # noqa: ARG002 - as above
        refuse_here()

    def of(self, handle: str, page: PageRequest) -> Page[SessionSummary]:
        return self.server.get(Page[SessionSummary], f"{_at(handle)}/sessions", paging(page))

    def end_all(self, handle: str) -> int:
        return self.server.send(int, "DELETE", f"{_at(handle)}/sessions")


@dataclass(frozen=True, slots=True)
class RemotePasswords:
    """Implements `PasswordVerbs`."""

    server: Connection

    def of(self, handle: str) -> PasswordSummary:
        return self.server.get(PasswordSummary, f"{_at(handle)}/password")

    def set(self, handle: str, password: str, *, proof: str, revoke_tokens: bool = False) -> PasswordSummary:
        also = {"revoke_tokens": True} if revoke_tokens else {}  # servers from before do not know it
        body = {"password": password, "proof": proof, **also}
        return self.server.send(PasswordSummary, "PUT", f"{_at(handle)}/password", body)

    def remove(self, handle: str, *, revoke_tokens: bool = False) -> PasswordSummary:
        also = {"revoke_tokens": "true"} if revoke_tokens else None
        return self.server.send(PasswordSummary, "DELETE", f"{_at(handle)}/password", params=also)

    def begin(self, handle: str, password: str, address: str) -> StartedSession:  # noqa: ARG002 - the verb's own signature
        refuse_here()

    def token(self, handle: str, password: str, wish: AskedToken, address: str) -> NewToken:  # noqa: ARG002 - the server sees it
        body = {"password": password, "label": wish.label, "scope": wish.scope.value, "days": wish.days}
        return self.server.send(NewToken, "POST", "/sign-in/token", {"handle": check_handle(handle), **body})


@dataclass(frozen=True, slots=True)
class RemoteIdentities:
    """Implements `IdentityVerbs`. Whom a provider has signed in is for the server alone to say."""

    server: Connection

    def of(self, handle: str) -> Sequence[BoundIdentity]:
        return self.server.get(tuple[BoundIdentity, ...], f"{_at(handle)}/identities")

    def begin(self, identity: Identity, spent: Digest, address: str) -> StartedSession:  # noqa: ARG002 - as above
        refuse_here()

    def bind(self, identity: Identity, spent: Digest) -> BoundIdentity:  # noqa: ARG002 - as above
        refuse_here()

    def unbind(self, handle: str) -> Sequence[BoundIdentity]:
        return self.server.send(tuple[BoundIdentity, ...], "DELETE", f"{_at(handle)}/identities")


@dataclass(frozen=True, slots=True)
class RemoteDevices:
    """Implements `DeviceVerbs`."""

    server: Connection

    def begin(self, wish: DeviceWish, address: str) -> BegunDevice:  # noqa: ARG002 - the server sees it
        body = {"machine": wish.machine, "client": wish.client, "scope": wish.scope.value, "days": wish.days}
        return self.server.send(BegunDevice, "POST", "/device", body)

    def poll(self, device_code: str) -> DeviceAnswer:
        return self.server.send(DeviceAnswer, "POST", "/device/token", {"device_code": device_code})

    def show(self, code: str) -> DeviceRequest:
        return self.server.get(DeviceRequest, f"/device/{check_user_code(code)}")

    def allow(self, code: str) -> DeviceRequest:
        return self.server.send(DeviceRequest, "POST", f"/device/{check_user_code(code)}/allow")

    def refuse(self, code: str) -> DeviceRequest:
        return self.server.send(DeviceRequest, "POST", f"/device/{check_user_code(code)}/refuse")


def refuse_here() -> Never:
    """Raises: NotRemoteError, for what only the server itself does."""
    raise NotRemoteError("Only the server itself checks tokens and sessions", remedy="Ask who you are: forebear whoami")


def _at(handle: str) -> str:
    return f"/people/{check_handle(handle)}"
