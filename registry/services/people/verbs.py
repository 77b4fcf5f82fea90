"""People, their roles and their tokens; whom a token identifies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from registry.domain.audit import Event
from registry.domain.governance.case import SYSTEM
from registry.domain.paging import Page, PageRequest, every
from registry.domain.people.erasure import PREFIX, Erased
from registry.domain.people.people import (
    AT_HOME,
    NewToken,
    Permission,
    Person,
    RoleOffer,
    Scope,
    TokenSummary,
    check_handle,
    check_reach,
    check_role,
)
from registry.domain.people.tokens import hash_secret
from registry.domain.text import check_words
from registry.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    PermissionDeniedError,
)
from registry.services.context import Context
from registry.services.governance.policies.stored import check_policy, deciding_roles, default_policy_text
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.lookup import found
from registry.services.people.enrolling import confirm, enrol, redeem
from registry.services.people.keys import key_event, set_key
from registry.services.people.offering import NOBODY, check_exists, confirmers, offer_of, takes_two
from registry.services.people.passwords import end_ways_in
from registry.services.people.tokens import check_days, made_with, maker, new_token, refuse_limited, renew, token_event
from registry.services.unit_of_work import UnitOfWork

ADMIN = "admin"
FIRST_ROLES = (ADMIN, "developer")
"""The roles of the person who makes a registry; whose vote counts is granted to others."""


def first_admin(context: Context, handle: str, text: str | None = None) -> str:
    """In one transaction: the first person, their token (given back, shown once), and the first policy.

    That is the policy `text`, or the default one. Raises: BadPolicyError; InvalidError when `handle` cannot name a
    person; ConflictError when there are people already.
    """
    now = context.clock.now()
    policy = check_policy(context, text if text is not None else default_policy_text())
    person = Person(_own_handle(handle), handle, FIRST_ROLES, now)
    token = new_token(
        person.handle, "created by init", Scope.ADMIN, days=90, now=now, made_by=handle, made_with=AT_HOME
    )
    with context.write(Permission.ADMIN) as uow:
        if uow.people.search(PageRequest(limit=1)).items:
            raise ConflictError("This registry has people already", remedy="Ask an admin: forebear person add")
        uow.people.add(person)
        uow.people.add_token(token.summary, hash_secret(token.secret))
        uow.governance.add_policy(policy)
        uow.commit(
            Event("person.added", _subject(handle), {"roles": list(person.roles), "service": False}),
            token_event("token.created", token.summary),
            Event(
                "policy.published", f"policy:{policy.name}", {"version": policy.version, "digest": str(policy.digest)}
            ),
        )
    return token.secret


@dataclass(frozen=True, slots=True)
class People:
    """Implements `PeopleVerbs` over a unit of work."""

    context: Context

    def add(self, handle: str, name: str, *, service: bool = False) -> Person:
        """Add a person, without a role. Raises: InvalidError, ConflictError."""
        words = check_words(name, "name of a person", 256)
        person = Person(_own_handle(handle), words, (), self.context.clock.now(), service)
        with self.context.write(Permission.ADMIN) as uow:
            uow.people.add(person)
            uow.commit(Event("person.added", _subject(handle), {"roles": [], "service": service}))
        return person

    def search(self, page: PageRequest) -> Page[Person]:
        """All people, by handle."""
        with self.context.read() as uow:
            return uow.people.search(page)

    def person(self, handle: str) -> Person:
        """One person, with the roles held now. Raises: NotFoundError."""
        with self.context.read() as uow:
            return _known(uow, handle)

    def grant(self, handle: str, role: str) -> Person:
        """Give a role that exists here; giving it twice changes nothing. Raises: NotFoundError, InvalidError.

        A role whose holders decide on something is offered, and held once somebody else confirms it. Nobody else is
        needed only where no other account has decided on anything for `ALONE_AFTER`.
        """
        check_role(role)
        now, actor = self.context.clock.now(), self.context.actor.handle
        with self.context.write(Permission.ADMIN) as uow:
            person = _not_erased(_known(uow, handle))
            check_exists(uow, role)
            if role in person.roles:
                return person
            decides = role in deciding_roles(uow)
            if decides and takes_two(uow, handle, offered_by=actor, now=now):
                if offer_of(uow, handle, role) is None:
                    uow.people.offer(RoleOffer(handle, role, actor, now))
                    uow.commit(Event("role.offered", _subject(handle), {"role": role}))
                return replace(person, offered=(role,))
            if offer_of(uow, handle, role) is not None:
                uow.people.drop_offer(handle, role)
            facts: dict[str, object] = {"role": role, "alone": True} if decides else {"role": role}
            events = give(uow, handle, role, facts, by=actor, at=now, decides=decides)
            person = _known(uow, handle)
            uow.commit(*events)
        return person

    def offers(self) -> Sequence[RoleOffer]:
        """Roles that were offered and wait for a second person."""
        with self.context.read() as uow:
            return uow.people.offers()

    def confirm(self, handle: str, role: str) -> Person:
        """Confirm a role that somebody else offered. Raises: NotFoundError, PermissionDeniedError.

        What a group of the provider offers is offered by the first person who confirms it, and held after the second.
        """
        actor, now = self.context.actor, self.context.clock.now()
        with self.context.write() as uow:
            check_own_account(uow, self.context)
            offer = offer_of(uow, handle, role)
            if offer is None:
                raise NotFoundError(
                    f"The role {role[:80]} was not offered to {handle[:80]}",
                    remedy="See what was offered: forebear role offers",
                )
            allowed = confirmers(uow, handle, offered_by=offer.offered_by)
            if actor.handle not in allowed:
                raise PermissionDeniedError(
                    f"{actor.handle} may not confirm this: it takes somebody else than who offered the role or gets it",
                    remedy=f"Ask one of: {', '.join(allowed)}" if allowed else NOBODY,
                )
            uow.people.drop_offer(handle, role)
            if offer.offered_by == SYSTEM and takes_two(uow, handle, offered_by=actor.handle, now=now):
                uow.people.offer(RoleOffer(handle, role, actor.handle, now))  # a group has no vote: two people it takes
                person = _known(uow, handle)
                uow.commit(Event("role.offered", _subject(handle), {"role": role, "of_a_group": True}))
                return replace(person, offered=(role,))
            facts: dict[str, object] = {"role": role, "offered_by": offer.offered_by}
            events = give(uow, handle, role, facts, by=actor.handle, at=now, decides=True)
            person = _known(uow, handle)
            uow.commit(*events)
        return person

    def link(self, handle: str, other: str) -> Person:
        """Say that two accounts belong to one person: from then on they count as one. Raises: NotFoundError."""
        with self.context.write(Permission.ADMIN) as uow:
            first, second = _known(uow, handle), _known(uow, other)
            if first.who == second.who:
                return first
            events = join(uow, first, second, {})
            person = _known(uow, handle)
            uow.commit(*events)
        return person

    def revoke(self, handle: str, role: str) -> Person:
        """Take a role away; from then on approvals given in it do not count. Raises: NotFoundError, ConflictError."""
        with self.context.write(Permission.ADMIN) as uow:
            person = _known(uow, handle)
            if role not in person.roles and offer_of(uow, handle, role) is not None:
                uow.people.drop_offer(handle, role)
                uow.commit(Event("role.offer_withdrawn", _subject(handle), {"role": role}))
                return person
            if role not in person.roles:
                held = ", ".join(person.roles) or "none"
                raise NotFoundError(f"{handle} has no role {role[:80]!r}", remedy=f"The roles of {handle}: {held}")
            if role == ADMIN:
                _not_the_last_admin(uow, handle)
            uow.people.revoke(handle, role, by=self.context.actor.handle, at=self.context.clock.now())
            person = _known(uow, handle)
            uow.commit(Event("role.revoked", _subject(handle), {"role": role}))
        return person

    def set_key(self, handle: str, public: str, *, token: str) -> Person:
        """Register the key that one signs approvals with."""
        return set_key(self.context, handle, public, token)

    def erase(self, handle: str, *, reason: str) -> Erased:
        """Ask that a person is erased, or confirm what somebody else asked for; see `PeopleVerbs.erase`."""
        from registry.services.people import erasing  # noqa: PLC0415 - once in a person's life

        verified = erasing.verified(self.context, handle)
        with self.context.write() as uow:
            person = _not_erased(_known(uow, handle))
            if ADMIN in person.roles:
                _not_the_last_admin(uow, handle)
            return erasing.erase(self.context, uow, person, reason, verified)

    def withdraw_erasure(self, handle: str) -> Person:
        """Take back that a person was to be erased; see `PeopleVerbs.withdraw_erasure`."""
        from registry.services.people import erasing  # noqa: PLC0415 - as above

        with self.context.write() as uow:
            return erasing.withdraw(self.context, uow, _not_erased(_known(uow, handle)))

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
        """A token for oneself, or as an admin for anybody, with a token that has no limit itself.

        One for oneself ends with the token that makes it, and whoever may have that one may have this one.
        Raises: NotFoundError, InvalidError, PermissionDeniedError.
        """
        enrolling = self.context.actor.reach.enrolment
        if not enrolling:
            refuse_limited(self.context.actor)
        check_days(days)
        words, reach = check_words(label, "label of a token", 128), check_reach(teams, step)
        actor, now = self.context.actor, self.context.clock.now()
        with self.context.write(self._over(handle)) as uow:
            person, own = _not_erased(_known(uow, handle)), uow.people.token(actor.token) if actor.token else None
            inherits = handle == actor.handle and not enrolling
            token = new_token(
                handle,
                words,
                scope,
                days=days,
                now=now,
                made_by=maker(uow, self.context) if inherits else actor.handle,
                made_with=made_with(actor, own),
                until=own.expires_at if inherits and own is not None else None,
                reach=reach,
            )
            if handle != self.context.actor.handle and not person.service and deciding_roles(uow) & set(person.roles):
                raise PermissionDeniedError(
                    f"{handle} has a role that decides, so nobody else makes tokens for {handle}",
                    remedy=f"{handle} makes it, signed in. Where none is left: forebear token enrol {handle}",
                )
            if step:
                found(uow.steps.get(step), step, see="transfer list")
            events = redeem(self.context, uow, person, token) if enrolling else []
            uow.people.add_token(token.summary, hash_secret(token.secret))
            uow.commit(token_event("token.created", token.summary), *events)
        return token

    def renew_token(self, days: int) -> NewToken:
        """A token in place of the one that asks, which ends; see `PeopleVerbs.renew_token`."""
        return renew(self.context, days)

    def enrol(self, handle: str) -> NewToken:
        """A token by which somebody makes one of their own; see `registry.services.people.enrolling`."""
        return enrol(self.context, handle)

    def confirm_enrolment(self, handle: str) -> TokenSummary:
        """Confirm what an admin gave out for a person; see `registry.services.people.enrolling`."""
        return confirm(self.context, handle)

    def tokens(self, handle: str | None, page: PageRequest) -> Page[TokenSummary]:
        """One's own tokens, or as an admin anybody's (None: everybody's)."""
        self.context.actor.require(self._over(handle))
        with self.context.read() as uow:
            return uow.people.tokens(handle, page)

    def token(self, token_id: str) -> TokenSummary:
        """One token. Raises: NotFoundError (somebody else's included)."""
        with self.context.read() as uow:
            return self._own(uow, token_id)

    def revoke_token(self, token_id: str) -> TokenSummary:
        """End a token at once; ending it twice changes nothing. Raises: NotFoundError (somebody else's included)."""
        refuse_limited(self.context.actor)
        now = self.context.clock.now()
        with self.context.write(Permission.READ) as uow:
            token = self._own(uow, token_id)
            if token.revoked_at is not None:
                return token
            uow.people.revoke_token(token_id, at=now)
            uow.people.drop_devices_of(token.person)  # what it allowed a moment ago
            revoked = uow.people.token(token_id) or token
            uow.commit(token_event("token.revoked", token))
        return revoked

    def _over(self, handle: str | None) -> Permission:
        """The permission that is needed to see and make the tokens of `handle`."""
        return Permission.READ if handle == self.context.actor.handle else Permission.ADMIN

    def _own(self, uow: UnitOfWork, token_id: str) -> TokenSummary:
        token = uow.people.token(token_id)
        if token is None or self._over(token.person) not in self.context.actor.permissions:
            raise NotFoundError(f"There is no token {token_id[:80]}", remedy="List your tokens: forebear token list")
        return token


def _own_handle(handle: str) -> str:
    if check_handle(handle) == SYSTEM:
        raise InvalidError(f"The handle {SYSTEM!r} is reserved: it stands for what the registry itself records")
    if handle.startswith(PREFIX):
        raise InvalidError(f"Handles that begin with {PREFIX!r} are reserved: they stand for people who were erased")
    return handle


def _not_erased(person: Person) -> Person:
    if person.handle.startswith(PREFIX):
        raise ConflictError(
            f"{person.handle} is a person who was erased", remedy="Add a new person: forebear person add"
        )
    return person


def join(uow: UnitOfWork, first: Person, second: Person, facts: Mapping[str, object]) -> list[Event]:
    """All accounts of both count as one person from now on; the caller commits."""
    if first.who == second.who:
        return []
    for one in every(uow.people.search):
        if one.who in {first.who, second.who}:
            uow.people.identify(one.handle, second.who)
    return [Event("person.linked", _subject(first.handle), {"same_as": second.who, **facts})]


def give(
    uow: UnitOfWork, handle: str, role: str, facts: Mapping[str, object], *, by: str, at: datetime, decides: bool
) -> list[Event]:
    """Give the role. Tokens that others made for somebody who decides from now on end, and so do a key, a password and
    bound accounts of the provider from before; the caller commits.
    """
    first = not deciding_roles(uow) & set(_known(uow, handle).roles)
    uow.people.grant(handle, role, by=by, at=at)
    events = [Event("role.granted", _subject(handle), facts)]
    person = _known(uow, handle)
    if decides and not person.service:
        for token in every(lambda page: uow.people.tokens(handle, page)):
            if token.made_by not in {"", handle} and token.revoked_at is None:
                uow.people.revoke_token(token.id, at=at)
                events.append(token_event("token.revoked", token))
    if decides and first and not person.service:
        events += end_ways_in(uow, handle, at=at)
    if decides and first and person.key:
        uow.people.set_key(handle, "")
        events.append(key_event(handle, ""))
    return events


def _known(uow: UnitOfWork, handle: str) -> Person:
    person = uow.people.get(handle)
    if person is None:
        raise NotFoundError(f"Unknown user {handle[:80]!r}", remedy="List the people: forebear person list")
    return person


def _not_the_last_admin(uow: UnitOfWork, handle: str) -> None:
    admins = (one.handle for one in every(uow.people.search) if ADMIN in one.roles and not one.service)
    if not any(other != handle for other in admins):
        remedy = "Grant admin to someone else: forebear role grant PERSON admin"
        raise ConflictError(f"{handle} is the last admin", remedy=remedy)


def _subject(handle: str) -> str:
    return f"person:{handle}"
