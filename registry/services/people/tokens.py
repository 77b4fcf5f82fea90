"""Tokens: making them, what the audit log says of them, and who makes none."""

from __future__ import annotations

from datetime import datetime, timedelta

from registry.domain.audit import Event
from registry.domain.ids import new_id
from registry.domain.people.people import EVERYWHERE, Actor, NewToken, Reach, Scope, TokenSummary
from registry.domain.people.tokens import new_secret
from registry.errors import PermissionDeniedError, UnauthenticatedError


def new_token(
    person: str, label: str, scope: Scope, *, days: int, now: datetime, made_by: str, reach: Reach = EVERYWHERE
) -> NewToken:
    """A token that is not stored yet, with its secret."""
    secret, expires = new_secret(), now + timedelta(days=days)
    token_id = new_id("tok", now)
    summary = TokenSummary(
        token_id, person, label, secret[-4:], now, expires, None, None, made_by, scope=scope, reach=reach
    )
    return NewToken(summary, secret)


def token_event(action: str, token: TokenSummary) -> Event:
    """The entry of the audit log about a token; it names the scope of one that has a limit."""
    detail = {"token": token.id, "label": token.label, "expires_at": token.expires_at.isoformat()}
    if token.scope is not Scope.ADMIN:
        detail["scope"] = token.scope.value
    if token.reach.limited:
        detail["limited_to"] = str(token.reach)
    return Event(action, f"person:{token.person}", detail)


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
