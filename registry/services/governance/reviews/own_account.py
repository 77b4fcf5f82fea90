"""Who decides on something has an account that nobody else can use."""

from __future__ import annotations

from registry.domain.paging import every
from registry.domain.people.people import Permission
from registry.errors import PolicyRefusedError
from registry.services.context import Context
from registry.services.unit_of_work import UnitOfWork


def check_own_account(uow: UnitOfWork, context: Context) -> None:
    """Raises: PermissionDeniedError for a token whose scope does not let it decide; PolicyRefusedError while somebody
    else has made a token of the actor that is still valid.

    Such tokens end when a role that decides is given. They are left where an owner decides, or where a role decides
    only since a policy says so. Service accounts have no tokens of their own making.
    """
    actor, now = context.actor, context.clock.now()
    actor.require(Permission.DECIDE)
    if actor.service:
        return
    for token in every(lambda page: uow.people.tokens(actor.handle, page)):
        foreign = token.made_by not in {"", actor.handle}
        if foreign and token.revoked_at is None and token.expires_at > now:
            raise PolicyRefusedError(
                f"{token.made_by} made a token of {actor.handle} that is still valid",
                (
                    f"Nobody knows which of them decides: {actor.handle} makes one of their own and ends {token.id} "
                    f"(forebear token revoke {token.id})",
                ),
            )
