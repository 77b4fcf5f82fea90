"""Fresh sign-ins: what somebody gives anew, before a step that a stolen session or program must not take.

It is something that a session cannot make: a password, an account of the provider, or a token that no session made,
neither itself nor by a token that it had made, and that allows as much as the session: narrower ones lie in programs.
A token of which it is not known what made it, or what made the one that made it, proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from registry.domain.people.people import AT_HOME, BY_PASSWORD, TokenSummary
from registry.domain.people.tokens import hash_secret, is_well_formed
from registry.errors import UnauthenticatedError
from registry.services.context import Context
from registry.services.unit_of_work import UnitOfWork

FRESH = timedelta(minutes=5)
"""How long a session stays proved in which somebody has proved anew who they are."""
_ONE = "Give a token that was made at the command line (forebear token create), not in the browser"


@dataclass(frozen=True, slots=True)
class Proof:
    """A fresh sign-in, and who could give it: the person mostly, else who made or set what was given."""

    by: str
    token: TokenSummary | None = None


def proving_token(uow: UnitOfWork, context: Context, secret: str, what: str) -> TokenSummary:
    """The token of the actor with this secret, as a fresh sign-in: `what` takes that. Raises: UnauthenticatedError."""
    token = uow.people.token_by_hash(hash_secret(secret)) if is_well_formed(secret) else None
    now = context.clock.now()
    valid = token is not None and token.revoked_at is None and token.expires_at > now
    if token is None or not valid or token.person != context.actor.handle:
        raise UnauthenticatedError(
            f"{what} takes a fresh sign-in, and this is no valid token of yours",
            remedy="Give one of your tokens; forebear token create makes one",
        )
    if token.reach.limited:
        raise UnauthenticatedError(
            f"{what} takes a fresh sign-in, and this token is limited to {token.reach}",
            remedy="Give a token without that limit",
        )
    if not token.scope.includes(context.actor.scope):
        raise UnauthenticatedError(
            f"{what} takes a fresh sign-in, and this token has only the scope {token.scope}",
            remedy=f"Give one with the scope {context.actor.scope}",
        )
    if token.of_session:
        raise UnauthenticatedError(
            f"{what} takes a fresh sign-in, and this token was made within a session, which could make another",
            remedy=_ONE,
        )
    if not _is_traced(uow, token):
        raise UnauthenticatedError(
            f"{what} takes a fresh sign-in, and it is not recorded what made this token",
            remedy="Make another at the command line of the registry folder, or get an enrolment: forebear token enrol "
            f"{token.person}",
        )
    return token


def _is_traced(uow: UnitOfWork, token: TokenSummary) -> bool:
    """Whether the first of the tokens of which each made the next was made as no session makes any."""
    first: TokenSummary | None = token
    while first is not None and first.made_with.startswith("tok-"):
        first = uow.people.token(first.made_with)
    return first is not None and (first.made_with in {AT_HOME, BY_PASSWORD} or first.reach.enrolment)


def session_proof(uow: UnitOfWork, context: Context) -> Proof | None:
    """The proof that was given in the actor's session a moment ago, if any."""
    kept = uow.people.session(context.actor.session) if context.actor.session else None
    if kept is None or kept.proved_at is None or not context.clock.now() - kept.proved_at < FRESH:
        return None
    return Proof(kept.proved_by)
