"""Tokens: making them, what the audit log says of them, and who makes none."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from registry.domain.audit import Event
from registry.domain.ids import new_id
from registry.domain.paging import every
from registry.domain.people.people import AT_HOME, EVERYWHERE, Actor, NewToken, Permission, Reach, Scope, TokenSummary
from registry.domain.people.tokens import MAX_DAYS, hash_secret, new_secret
from registry.errors import InvalidError, PermissionDeniedError, UnauthenticatedError
from registry.services.context import Context
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork


def new_token(
    person: str,
    label: str,
    scope: Scope,
    *,
    days: int,
    now: datetime,
    made_by: str,
    made_with: str = "",
    until: datetime | None = None,
    reach: Reach = EVERYWHERE,
) -> NewToken:
    """A token that is not stored yet, with its secret; it ends at `until` at the latest."""
    secret, expires = new_secret(), now + timedelta(days=days)
    summary = TokenSummary(
        new_id("tok", now),
        person,
        label,
        secret[-4:],
        created_at=now,
        expires_at=expires if until is None else min(expires, until),
        last_used_at=None,
        revoked_at=None,
        made_by=made_by,
        scope=scope,
        reach=reach,
        made_with=made_with,
    )
    return NewToken(summary, secret)


def made_with(actor: Actor, own: TokenSummary | None) -> str:
    """What makes the tokens that `actor` makes now; `own` is the token that they are signed in with."""
    if actor.session:
        return actor.session
    if own is not None:
        return own.made_with if own.of_session else own.id
    return AT_HOME


def token_event(action: str, token: TokenSummary) -> Event:
    """The entry of the audit log about a token; it names the scope of one that has a limit."""
    detail = {"token": token.id, "label": token.label, "expires_at": token.expires_at.isoformat()}
    if token.scope is not Scope.ADMIN:
        detail["scope"] = token.scope.value
    if token.reach.limited:
        detail["limited_to"] = str(token.reach)
    return Event(action, f"person:{token.person}", detail)


def maker(uow: UnitOfWork, context: Context) -> str:
    """Who could sign in as the actor does: mostly they alone, else who had made what they signed in with."""
    handle, kept = context.actor.handle, uow.people.kept_password(context.actor.handle)
    token = uow.people.token(context.actor.token) if context.actor.token else None
    if token is not None:
        return token.made_by or handle
    if not context.actor.session:  # at the command line of the registry folder
        return handle
    if kept is not None and kept.summary.made_by != handle:
        return kept.summary.made_by
    foreign = (one.made_by for one in uow.people.identities(handle) if one.live and one.made_by not in {"", handle})
    return next(foreign, handle)


def renew(context: Context, days: int) -> NewToken:
    """See `PeopleVerbs.renew_token`."""
    actor, now = context.actor, context.clock.now()
    check_days(days)
    refuse_limited(actor)
    if actor.session or actor.token is None:
        raise PermissionDeniedError(
            "A token is renewed by itself, and this was not asked with one",
            remedy="Sign in with it at the command line (forebear login), then: forebear token renew",
        )
    with context.write(Permission.READ) as uow:
        own = found(uow.people.token(actor.token), "token", see="token list")
        if own.revoked_at is not None:
            raise UnauthenticatedError("This token was renewed or revoked meanwhile", remedy="Sign in with another")
        made = new_token(
            own.person, own.label, own.scope, days=days, now=now, made_by=own.made_by, made_with=own.made_with
        )
        uow.people.revoke_token(own.id, at=now)
        uow.people.add_token(made.summary, hash_secret(made.secret))
        created = token_event("token.created", made.summary)
        uow.commit(token_event("token.revoked", own), replace(created, detail={**created.detail, "renews": own.id}))
    return made


def end_tokens(uow: UnitOfWork, handle: str, *, at: datetime, but: str | None) -> list[Event]:
    """End all tokens of a person that are still good, but the one with the id `but`, and those that machines without a
    browser have not fetched yet; the caller commits.
    """
    uow.people.drop_devices_of(handle)
    events = list[Event]()
    for one in every(lambda page: uow.people.tokens(handle, page)):
        if one.revoked_at is None and one.expires_at > at and one.id != but:
            uow.people.revoke_token(one.id, at=at)
            events.append(token_event("token.revoked", one))
    return events


def check_days(days: int) -> None:
    """Raises: InvalidError."""
    if not 1 <= days <= MAX_DAYS:
        raise InvalidError(f"A token lasts 1 to {MAX_DAYS} days, not {days}")


def refuse_limited(actor: Actor, does: str = "makes and ends no tokens") -> None:
    """Raises: PermissionDeniedError for the holder of a limited token, who could make one that lasts longer."""
    if actor.scope is not Scope.ADMIN or actor.reach.limited:
        limit = f"limited to {actor.reach}" if actor.reach.limited else f"with the scope {actor.scope}"
        raise PermissionDeniedError(
            f"A token {limit} {does}",
            remedy="Sign in with one that has no limit (scope admin)",
        )


def unknown() -> UnauthenticatedError:
    """What to raise for a secret that belongs to no token."""
    return UnauthenticatedError("Unknown token", remedy="Check it for typos, or make another: forebear token create")
