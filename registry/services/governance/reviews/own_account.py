"""Who decides on something has an account that nobody else can use."""

from __future__ import annotations

from registry.domain.paging import every
from registry.domain.people.people import Permission
from registry.errors import PolicyRefusedError, UnauthenticatedError
from registry.services.context import Context
from registry.services.governance.reviews.proofs import proving_token, session_proof
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
            (f"Nobody knows which of them decides: {actor.handle} sets it with a token of their own",),
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
                    f"Nobody knows which of them decides: {actor.handle} gets one of their own by an enrolment, which "
                    f"ends {token.id} (an admin runs forebear token enrol {actor.handle})",
                ),
            )


def check_sign_in(uow: UnitOfWork, context: Context, secret: str, what: str) -> None:
    """The actor signs in anew, by a token of their own that may decide, or has done so in their session a moment ago.

    Raises: UnauthenticatedError.
    """
    if not secret and session_proof(uow, context) is not None:
        return
    token = proving_token(uow, context, secret, what)
    if Permission.DECIDE not in token.scope.permissions:
        raise UnauthenticatedError(
            f"{what} takes a fresh sign-in, and this token has the scope {token.scope}",
            remedy="Give a token with the scope vote or admin",
        )
