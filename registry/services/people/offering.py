"""Roles that decide are offered by one person and confirmed by another."""

from __future__ import annotations

from datetime import datetime, timedelta

from registry.domain.people.people import OWN_ROLES, RoleOffer
from registry.domain.text import did_you_mean
from registry.errors import InvalidError
from registry.services.governance.policies.stored import deciding_roles, published
from registry.services.unit_of_work import UnitOfWork

ALONE_AFTER = timedelta(days=7)
"""How long after the last other person who decides lost their role an admin can give such roles alone."""
NOBODY = f"There is nobody; an admin can grant it alone {ALONE_AFTER.days} days after the last of them lost their role"


def offer_of(uow: UnitOfWork, handle: str, role: str) -> RoleOffer | None:
    """The offer of this role to this person that waits for somebody to confirm it."""
    return next((one for one in uow.people.offers() if (one.person, one.role) == (handle, role)), None)


def confirmers(uow: UnitOfWork, handle: str, *, offered_by: str) -> list[str]:
    """Who can confirm a role of `handle`: people who decide on something, without the two that are in it already."""
    known = {one.handle: one.who for one in uow.people.known({handle, offered_by})}
    involved = {known.get(handle, handle), known.get(offered_by, offered_by)}
    people = uow.people.holding(deciding_roles(uow))
    return [one.handle for one in people if not one.service and one.who not in involved]


def takes_two(uow: UnitOfWork, handle: str, *, offered_by: str, now: datetime) -> bool:
    """True unless no other account decides, or has decided lately: to take their roles frees nobody from asking."""
    if confirmers(uow, handle, offered_by=offered_by):
        return True
    return uow.people.held(deciding_roles(uow), without={handle, offered_by}, since=now - ALONE_AFTER)


def check_exists(uow: UnitOfWork, role: str) -> None:
    """Raises: InvalidError for a role that neither every registry nor a published policy has."""
    known = OWN_ROLES.union(*(rule.groups for policy in published(uow) for rule in policy.roles.values()))
    if role not in known:
        raise InvalidError(
            f"There is no role {role!r}{did_you_mean(role, known)}",
            remedy="Publish a policy that names it first",
            facts={"known": sorted(known)},
        )
