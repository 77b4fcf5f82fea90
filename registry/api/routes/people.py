"""People, roles and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from registry.api.bodies import ErasureWish, KeyWish, NewPerson, RenewalWish, TokenWish
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, Paging, SignIn, answer, body_of, public_id, speaks
from registry.domain.paging import Page, PageRequest
from registry.domain.people.erasure import Erased
from registry.domain.people.people import Actor, NewToken, Person, RoleOffer, TokenSummary, check_handle, check_role
from registry.domain.people.sessions import SessionSummary
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["people"], route_class=Route)


def _me(registry: Registry, _path: Mapping[str, str]) -> Actor:
    return registry.actor


def _people(registry: Registry, _path: Mapping[str, str]) -> Page[Person]:
    return registry.people.search(PageRequest())


def _person(registry: Registry, path: Mapping[str, str]) -> Person:
    return registry.people.person(check_handle(path["handle"]))


def _tokens(registry: Registry, path: Mapping[str, str]) -> Page[TokenSummary]:
    return registry.people.tokens(check_handle(path["handle"]), PageRequest())


def _token(registry: Registry, path: Mapping[str, str]) -> TokenSummary:
    return registry.people.token(public_id(path["token"]))


def _sessions(registry: Registry, path: Mapping[str, str]) -> Page[SessionSummary]:
    return registry.sessions.of(check_handle(path["handle"]), PageRequest())


MeUnchanged = Annotated[Registry, changes(_me, "/me")]
PeopleUnchanged = Annotated[Registry, changes(_people, "/people")]
PersonUnchanged = Annotated[Registry, changes(_person, "/people/{handle}")]
TokensUnchanged = Annotated[Registry, changes(_tokens, "/people/{handle}/tokens")]
SessionsUnchanged = Annotated[Registry, changes(_sessions, "/people/{handle}/sessions")]
TokenUnchanged = Annotated[Registry, changes(_token, "/tokens/{token}")]


@router.get("/me", **speaks(Actor))
def me(registry: AsActor) -> Response:
    """Who the token or session says that you are."""
    return answer(registry.actor)


@router.post("/me/token", **speaks(NewToken, takes=RenewalWish, status=201))
def renew_token(registry: MeUnchanged, body: Annotated[RenewalWish, Depends(body_of(RenewalWish))]) -> Response:
    """A token in place of the one that asks, which ends. Its secret is in this answer and nowhere else."""
    made = answer(registry.people.renew_token(body.days), 201)
    made.headers["Cache-Control"] = "no-store"
    return made


@router.get("/people", **speaks(Page[Person]))
def search(registry: AsActor, page: Paging) -> Response:
    """Everyone who may sign in, with their roles."""
    return answer(registry.people.search(page))


@router.post("/people", **speaks(Person, takes=NewPerson, status=201))
def add(registry: PeopleUnchanged, body: Annotated[NewPerson, Depends(body_of(NewPerson))]) -> Response:
    """Add a person or a service account; without a role it may do nothing yet."""
    return answer(registry.people.add(check_handle(body.handle), body.name, service=body.service), 201)


@router.get("/people/{handle}", **speaks(Person))
def person(registry: AsActor, handle: str) -> Response:
    """One person or service account, with the roles held now."""
    return answer(registry.people.person(check_handle(handle)))


@router.put("/people/{handle}/roles/{role}", **speaks(Person))
def grant(registry: PersonUnchanged, handle: str, role: str) -> Response:
    """Give a role; one whose holders decide on something is offered, and held once somebody else confirms it."""
    return answer(registry.people.grant(check_handle(handle), check_role(role)))


@router.delete("/people/{handle}/roles/{role}", **speaks(Person))
def revoke(registry: PersonUnchanged, handle: str, role: str) -> Response:
    """Take a role back."""
    return answer(registry.people.revoke(check_handle(handle), check_role(role)))


@router.put("/people/{handle}/key", **speaks(Person, takes=KeyWish))
def set_key(
    registry: PersonUnchanged, handle: str, body: Annotated[KeyWish, Depends(body_of(KeyWish))], token: SignIn = ""
) -> Response:
    """Register the key that you sign approvals with, with a fresh sign-in; nobody does that for somebody else."""
    return answer(registry.people.set_key(check_handle(handle), body.key, token=token))


@router.get("/people/{handle}/tokens", **speaks(Page[TokenSummary]))
def tokens_of(registry: AsActor, handle: str, page: Paging) -> Response:
    """The tokens of one person; never a secret."""
    return answer(registry.people.tokens(check_handle(handle), page))


@router.post("/people/{handle}/tokens", **speaks(NewToken, takes=TokenWish, status=201))
def create_token(
    registry: TokensUnchanged, handle: str, body: Annotated[TokenWish, Depends(body_of(TokenWish))]
) -> Response:
    """Make a token. Its secret is in this answer and nowhere else."""
    new = registry.people.create_token(
        check_handle(handle), label=body.label, days=body.days, scope=body.scope, teams=body.teams, step=body.step
    )
    made = answer(new, 201)
    made.headers["Cache-Control"] = "no-store"
    return made


@router.post("/people/{handle}/enrolment", **speaks(NewToken, status=201))
def enrol(registry: TokensUnchanged, handle: str) -> Response:
    """Give out a token by which somebody makes one that is theirs alone, once another person has confirmed it."""
    made = answer(registry.people.enrol(check_handle(handle)), 201)
    made.headers["Cache-Control"] = "no-store"
    return made


@router.post("/people/{handle}/enrolment/confirm", **speaks(TokenSummary))
def confirm_enrolment(registry: PersonUnchanged, handle: str) -> Response:
    """Confirm an enrolment that an admin gave out for somebody else."""
    return answer(registry.people.confirm_enrolment(check_handle(handle)))


@router.get("/people/{handle}/sessions", **speaks(Page[SessionSummary]))
def sessions_of(registry: AsActor, handle: str, page: Paging) -> Response:
    """Where a person is signed in by a browser; you yourself, or as an admin anybody."""
    return answer(registry.sessions.of(check_handle(handle), page))


@router.delete("/people/{handle}/sessions", **speaks(int))
def end_sessions(registry: SessionsUnchanged, handle: str) -> Response:
    """Sign a person out of every browser: yourself, or as an admin anybody. Gives how many sessions ended."""
    return answer(registry.sessions.end_all(check_handle(handle)))


@router.get("/tokens", **speaks(Page[TokenSummary]))
def tokens(registry: AsActor, page: Paging, person: str | None = None) -> Response:
    """Tokens, of one person or of all; never a secret."""
    return answer(registry.people.tokens(check_handle(person) if person else None, page))


@router.get("/tokens/{token}", **speaks(TokenSummary))
def token(registry: AsActor, token: str) -> Response:
    """One token; never its secret."""
    return answer(registry.people.token(public_id(token)))


@router.delete("/tokens/{token}", **speaks(TokenSummary))
def revoke_token(registry: TokenUnchanged, token: str) -> Response:
    """Revoke a token at once."""
    return answer(registry.people.revoke_token(public_id(token)))


@router.get("/role-offers", **speaks(Sequence[RoleOffer]))
def offers(registry: AsActor) -> Response:
    """Roles that were offered and wait for a second person."""
    return answer(registry.people.offers())


@router.post("/people/{handle}/roles/{role}/confirm", **speaks(Person))
def confirm(registry: PersonUnchanged, handle: str, role: str) -> Response:
    """Confirm a role that somebody else offered."""
    return answer(registry.people.confirm(check_handle(handle), check_role(role)))


@router.post("/people/{handle}/erasure", **speaks(Erased, takes=ErasureWish))
def erase(
    registry: PersonUnchanged, handle: str, body: Annotated[ErasureWish, Depends(body_of(ErasureWish))]
) -> Response:
    """Ask that a person is erased; sent by a second person within seven days, erase them."""
    return answer(registry.people.erase(check_handle(handle), reason=body.reason))


@router.delete("/people/{handle}/erasure", **speaks(Person))
def withdraw_erasure(registry: PersonUnchanged, handle: str) -> Response:
    """Take back that a person was to be erased, before a second person has confirmed it."""
    return answer(registry.people.withdraw_erasure(check_handle(handle)))


@router.put("/people/{handle}/same-as/{other}", **speaks(Person))
def link(registry: PersonUnchanged, handle: str, other: str) -> Response:
    """Say that two accounts belong to one person: as voters they count as one."""
    return answer(registry.people.link(check_handle(handle), check_handle(other)))
