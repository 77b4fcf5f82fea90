"""Who decides on something has an account that nobody else can use."""

from __future__ import annotations

from registry.domain.paging import every
from registry.domain.people.people import Permission
from registry.domain.people.tokens import hash_secret, is_well_formed
from registry.errors import PolicyRefusedError, UnauthenticatedError
from registry.services.context import Context
from registry.services.unit_of_work import UnitOfWork


def check_own_account(uow: UnitOfWork, context: Context) -> None:
    """Raises: PermissionDeniedError for a token whose scope does not let it decide; PolicyRefusedError while somebody
    else has made a token of the actor that is still valid, or that their password was set with or an account elsewhere
    bound.

    Such tokens end when a role that decides is given. They are left where an owner decides, or where a role decides
    only since a policy says so. Service accounts have no tokens of their own making.
    """
    actor, now = context.actor, context.clock.now()
    actor.require(Permission.DECIDE)
    if actor.service:
        return
    kept = uow.people.kept_password(actor.handle)
    if kept is not None and kept.summary.made_by != actor.handle:
        raise PolicyRefusedError(
            f"The password of {actor.handle} was set with a token that {kept.summary.made_by} had made",
            (f"Nobody knows which of them decides: {actor.handle} sets it with a token of their own making",),
        )
    for one in uow.people.identities(actor.handle):
        if one.live and one.made_by not in {"", actor.handle}:
            raise PolicyRefusedError(
                f"An account of {one.issuer} was bound to {actor.handle} with a token that {one.made_by} had made",
                (f"Nobody knows whose it is: {actor.handle} binds it anew, signed in with a token of their own",),
            )
    for token in every(lambda page: uow.people.tokens(actor.handle, page)):
        foreign = token.made_by not in {"", actor.handle} and not token.reach.enrolment
        if foreign and token.revoked_at is None and token.expires_at > now:
            raise PolicyRefusedError(
                f"{token.made_by} made a token of {actor.handle} that is still valid",
                (
                    f"Nobody knows which of them decides: {actor.handle} makes one of their own and ends {token.id} "
                    f"(forebear token revoke {token.id})",
                ),
            )


def check_sign_in(uow: UnitOfWork, context: Context, secret: str, what: str) -> None:
    """The actor signs in anew, by a token of their own that may decide: `what` takes that.

    Raises: UnauthenticatedError.
    """
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
    if Permission.DECIDE not in token.scope.permissions:
        raise UnauthenticatedError(
            f"{what} takes a fresh sign-in, and this token has the scope {token.scope}",
            remedy="Give a token with the scope vote or admin",
        )
