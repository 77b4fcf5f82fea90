"""How somebody gets a first token that is theirs alone, or another when all are lost: by one that two people give out.

An admin makes it and hands it over; it is good for nothing until somebody else who decides has confirmed it. All that
it then does is to make one token of the person, once. With that every other token and session of the account ends, so
that nobody has it beside the person, and the person sees that it was done. A password and a bound account of the
provider end, too.
"""

from __future__ import annotations

from registry.domain.audit import Event
from registry.domain.paging import every
from registry.domain.people.people import NewToken, Permission, Person, Reach, Scope, TokenSummary
from registry.domain.people.tokens import hash_secret
from registry.errors import ConflictError, NotFoundError, PermissionDeniedError
from registry.services.context import Context
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.lookup import found
from registry.services.people.offering import NOBODY, confirmers, takes_two
from registry.services.people.passwords import end_ways_in
from registry.services.people.tokens import new_token, refuse_limited
from registry.services.unit_of_work import UnitOfWork

GOOD_DAYS = 3
LABEL = "enrolment"


def enrol(context: Context, handle: str) -> NewToken:
    """See `PeopleVerbs.enrol`."""
    refuse_limited(context.actor)
    now, by = context.clock.now(), context.actor.handle
    token = new_token(handle, LABEL, Scope.ADMIN, days=GOOD_DAYS, now=now, made_by=by, reach=Reach(enrolment=True))
    with context.write(Permission.ADMIN) as uow:
        person = found(uow.people.get(handle), f"person {handle[:80]}", see="person list")
        if person.service:
            raise ConflictError(
                f"{handle} is a service account, so an admin makes its tokens",
                remedy=f"Make it: forebear token create {handle}",
            )
        for one in _waiting(context, uow, handle):
            uow.people.revoke_token(one.id, at=now)
        uow.people.add_token(token.summary, hash_secret(token.secret))
        events = [Event("enrolment.offered", f"person:{handle}", {"token": token.summary.id})]
        if not takes_two(uow, handle, offered_by=by, now=now):
            uow.people.confirm_token(token.summary.id, by=by)
            events.append(_confirmed(token.summary, alone=True))
        stored = uow.people.token(token.summary.id) or token.summary
        uow.commit(*events)
    return NewToken(stored, token.secret)


def confirm(context: Context, handle: str) -> TokenSummary:
    """See `PeopleVerbs.confirm_enrolment`."""
    with context.write() as uow:
        check_own_account(uow, context)
        token = next((one for one in _waiting(context, uow, handle) if not one.confirmed_by), None)
        if token is None:
            raise NotFoundError(
                f"No enrolment of {handle[:80]} waits to be confirmed",
                remedy=f"An admin gives one out: forebear token enrol {handle[:80]}",
            )
        allowed = confirmers(uow, handle, offered_by=token.made_by)
        if context.actor.handle not in allowed:
            raise PermissionDeniedError(
                f"{context.actor.handle} may not confirm what {token.made_by} gave out for {handle}",
                remedy=f"Somebody else who decides does it: {', '.join(allowed)}" if allowed else NOBODY,
            )
        uow.people.confirm_token(token.id, by=context.actor.handle)
        confirmed = uow.people.token(token.id) or token
        uow.commit(_confirmed(confirmed, alone=False))
    return confirmed


def redeem(context: Context, uow: UnitOfWork, person: Person, made: NewToken) -> list[Event]:
    """What happens with the token that an enrolment makes: all others end, its own with them. The caller commits.

    Raises: PermissionDeniedError for another person, and for a token that has a limit.
    """
    limited = made.summary.scope is not Scope.ADMIN or made.summary.reach.limited
    if person.handle != context.actor.handle or limited:
        raise PermissionDeniedError(
            f"This token makes one token of {context.actor.handle} without a limit, and does nothing else",
            remedy=f"Make it: forebear token create {context.actor.handle}",
        )
    now = context.clock.now()
    for one in every(lambda page: uow.people.tokens(person.handle, page)):
        if one.revoked_at is None:
            uow.people.revoke_token(one.id, at=now)
    ended = uow.people.end_sessions(person.handle, at=now)
    facts = {"token": context.actor.token, "made": made.summary.id, "sessions": ended}
    return [*end_ways_in(uow, person.handle, at=now), Event("enrolment.used", f"person:{person.handle}", facts)]


def _confirmed(token: TokenSummary, *, alone: bool) -> Event:
    facts: dict[str, object] = {"token": token.id}
    return Event("enrolment.confirmed", f"person:{token.person}", facts | ({"alone": True} if alone else {}))


def _waiting(context: Context, uow: UnitOfWork, handle: str) -> list[TokenSummary]:
    """The enrolments of a person that are not over; one at most, but where two were given out at once."""
    now = context.clock.now()
    tokens = every(lambda page: uow.people.tokens(handle, page))
    return [one for one in tokens if one.reach.enrolment and one.revoked_at is None and one.expires_at > now]
