"""Signing in by an identity provider: which account it is, and which roles its groups give.

The issuer and the subject say who somebody is, whatever name or e-mail they have. One identity belongs to one account
for good: whoever proves the same one from a second account has shown that both are theirs, and they count as one from
then on. A group gives a role that decides only by an offer that two people confirm, unless a setting says that this
group gives it; the audit log holds these settings as they were at each change.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.governance.case import SYSTEM
from registry.domain.paging import PageRequest, every
from registry.domain.people.identities import BoundIdentity, Identity, handle_like
from registry.domain.people.people import Permission, Person, RoleOffer
from registry.domain.people.sessions import Means, StartedSession
from registry.domain.text import check_words
from registry.errors import ConflictError, InvalidError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from registry.services.context import Context
from registry.services.governance.policies.stored import deciding_roles
from registry.services.governance.reviews.proofs import session_proof
from registry.services.lookup import found
from registry.services.people.offering import check_exists, offer_of
from registry.services.people.sessions import Sessions
from registry.services.people.tokens import maker, refuse_limited
from registry.services.people.verbs import ADMIN, give, join
from registry.services.unit_of_work import UnitOfWork

_log = logging.getLogger(__name__)
SUBJECT, ACTION = "sign-in", "sign_in.settings"
_ANEW = "This account of {} has to be bound anew: others may have bound it"
_BIND = "Sign in with a token once, and bind it on the page Where you are signed in"


@dataclass(frozen=True, slots=True)
class Identities:
    """Implements `IdentityVerbs` over a unit of work."""

    context: Context

    def of(self, handle: str) -> Sequence[BoundIdentity]:
        """Where the provider's identities of a person are from: one's own, or as an admin anybody's."""
        own = handle == self.context.actor.handle
        self.context.actor.require(Permission.READ if own else Permission.ADMIN)
        with self.context.read() as uow:
            found(uow.people.get(handle), f"person {handle[:64]}", see="person list")
            return uow.people.identities(handle)

    def begin(self, identity: Identity, spent: Digest, address: str) -> StartedSession:
        """A session for whom a provider has signed in; see `IdentityVerbs.begin`."""
        refused = ""
        with self.context.open_uow(actor=self.context.actor.handle, write=True) as uow:
            self._spend(uow, spent)
            events = self._settings(uow)
            bound = uow.people.identity(identity.issuer, identity.subject)
            if bound is None and not self.context.settings.oidc_new_people:
                refused = f"Nobody here has bound this account of {identity.issuer}"
            elif bound is not None and not bound.live:
                refused = _ANEW.format(identity.issuer)
            if refused:
                events.append(Event("session.refused", SUBJECT, {"address": address, "reason": refused}))
            else:
                if bound is None:
                    bound, added = self._added(uow, identity)
                    events.append(added)
                events += self._roles(uow, bound, identity)
                if not _again(uow, bound).live:
                    uow.commit(*events)
                    raise UnauthenticatedError(_ANEW.format(identity.issuer), remedy=_BIND)
                return Sessions(self.context).start(uow, bound.person, Means.PROVIDER, address, also=events)
            uow.commit(*events)
        raise UnauthenticatedError(refused, remedy=_BIND)

    def bind(self, identity: Identity, spent: Digest) -> BoundIdentity:
        """Bind it to one's own account for good; see `IdentityVerbs.bind`."""
        actor, now = self.context.actor, self.context.clock.now()
        refuse_limited(actor)
        if actor.service:
            raise PermissionDeniedError(f"{actor.handle} is a service account, and nobody signs in as one")
        with self.context.write(Permission.READ) as uow:
            self._spend(uow, spent)
            mine = found(uow.people.get(actor.handle), f"person {actor.handle}", see="person list")
            bound = uow.people.identity(identity.issuer, identity.subject)
            own = bound is not None and bound.person == mine.handle
            if bound is not None and own and bound.live and (identity.anew or bound.made_by in {"", mine.handle}):
                return self._proved(uow, bound, anew=identity.anew)
            by = self._binder(uow)
            event = Event("identity.bound", f"person:{mine.handle}", {"issuer": identity.issuer, "with": by})
            if bound is not None and not own:
                other = found(uow.people.get(bound.person), f"person {bound.person}", see="person list")
                uow.commit(*join(uow, mine, other, {"issuer": identity.issuer}))
            elif any(one != bound for one in _live(uow, mine.handle) if one.issuer == identity.issuer):
                raise ConflictError(
                    f"{mine.handle} is bound to another account of {identity.issuer} already",
                    remedy=f"Unbind that first: forebear person unbind {mine.handle}",
                )
            elif bound is not None:
                kept = replace(bound, live=True, made_by=by)
                uow.people.change_identity(kept)
                uow.commit(event)
                return kept
            else:
                made = BoundIdentity(mine.handle, identity.issuer, identity.subject, (), now, made_by=by)
                uow.people.add_identity(made)
                uow.commit(event)
                return made
        raise ConflictError(
            f"This account of {identity.issuer} belongs to {bound.person}: as voters, {mine.handle} and {bound.person} "
            "count as one person from now on",
            remedy=f"Sign in as {bound.person}",
        )

    def unbind(self, handle: str) -> Sequence[BoundIdentity]:
        """Nobody signs in with these any more; see `IdentityVerbs.unbind`."""
        actor, now, events = self.context.actor, self.context.clock.now(), list[Event]()
        refuse_limited(actor)
        own = handle == actor.handle
        with self.context.write(Permission.READ if own else Permission.ADMIN) as uow:
            found(uow.people.get(handle), f"person {handle[:64]}", see="person list")
            bound = _live(uow, handle)
            if not bound:
                raise NotFoundError(f"{handle[:64]} has no account of a provider that is bound")
            if own and not _other_way_in(uow, handle, now):
                raise ConflictError(
                    f"{handle} signs in by {bound[0].issuer} alone, and could not sign in any more",
                    remedy="Ask an admin for a token first, or set a password: forebear password set",
                )
            for one in bound:
                for role in one.roles:
                    events += self._take(uow, handle, role, one.issuer)
                uow.people.change_identity(replace(one, live=False, roles=()))
                facts = {"issuer": one.issuer, "sessions": uow.people.end_sessions(handle, at=now)}
                events.append(Event("identity.unbound", f"person:{handle}", facts))
            uow.commit(*events)
        return [replace(one, live=False, roles=()) for one in bound]

    def _proved(self, uow: UnitOfWork, bound: BoundIdentity, *, anew: bool) -> BoundIdentity:
        """It is bound already. Who has signed in there anew has proved in this session who they are."""
        if anew:
            Sessions(self.context).keep_proof(uow, bound.made_by or bound.person)
            facts = {"session": self.context.actor.session, "issuer": bound.issuer}
            uow.commit(Event("session.proved", f"person:{bound.person}", facts))
        else:
            uow.commit_unaudited()  # the sign-in is spent
        return bound

    def _binder(self, uow: UnitOfWork) -> str:
        """Who may have bound it: the actor, or who could give what they proved. Raises: UnauthenticatedError."""
        handle, proof, by = self.context.actor.handle, session_proof(uow, self.context), maker(uow, self.context)
        if proof is None:
            raise UnauthenticatedError(
                "To bind an account takes a fresh sign-in",
                remedy="Give a token or your password on the page of your accounts, and bind it within 5 minutes",
            )
        return by if by != handle else proof.by

    def _spend(self, uow: UnitOfWork, spent: Digest) -> None:
        if not uow.people.spend(spent, at=self.context.clock.now()):
            raise UnauthenticatedError("This sign-in was finished before", remedy="Sign in again")

    def _added(self, uow: UnitOfWork, identity: Identity) -> tuple[BoundIdentity, Event]:
        """A new account, with a handle of its own: never that of somebody who is there."""
        now, like = self.context.clock.now(), handle_like(identity.handle or identity.name)
        names = [like, *(f"{like}-{number}" for number in range(2, 100))]
        taken = {one.handle for one in uow.people.known(names)}
        handle = next((one for one in names if one not in taken), None)
        if handle is None:
            raise ConflictError(f"There are 99 people with handles like {like} already")
        try:
            name = check_words(identity.name or handle, "name of a person", 256)
        except InvalidError:  # such as one that looks like a credential
            name = handle
        uow.people.add(Person(handle, name, (), now))
        bound = BoundIdentity(handle, identity.issuer, identity.subject, (), now)
        uow.people.add_identity(bound)
        return bound, Event(
            "person.added", f"person:{handle}", {"roles": [], "service": False, "issuer": identity.issuer}
        )

    def _roles(self, uow: UnitOfWork, bound: BoundIdentity, identity: Identity) -> list[Event]:
        """Give what the groups give now, and take back what they gave before; what admins gave is left alone."""
        settings, events, handle = self.context.settings, list[Event](), bound.person
        given: dict[str, list[str]] = {}
        for group in identity.groups:
            for role in settings.oidc_roles.get(group, ()):
                if _exists(uow, role):
                    given.setdefault(role, []).append(group)
        deciding, held = deciding_roles(uow), set(found(uow.people.get(handle), handle, see="person list").roles)
        for role in sorted(set(given) - held):
            facts = {"role": role, "groups": given[role], "issuer": identity.issuer}
            events += self._give(uow, handle, role, facts, decides=role in deciding)
        for role in sorted(set(bound.roles) - set(given)):
            events += self._take(uow, handle, role, identity.issuer)
        own = tuple(sorted(role for role in given if role in bound.roles or role not in held))
        now = _again(uow, bound)  # a role that decides may have ended it
        if own != now.roles:
            uow.people.change_identity(replace(now, roles=own))
        return events

    def _give(
        self, uow: UnitOfWork, handle: str, role: str, facts: Mapping[str, object], *, decides: bool
    ) -> list[Event]:
        now, groups = self.context.clock.now(), facts["groups"]
        allowed = isinstance(groups, list) and set(groups) & set(self.context.settings.oidc_deciding_groups)
        waiting = offer_of(uow, handle, role)
        if decides and not allowed:
            if waiting is not None:
                return []
            uow.people.offer(RoleOffer(handle, role, SYSTEM, now))
            return [Event("role.offered", f"person:{handle}", facts)]
        if waiting is not None:
            uow.people.drop_offer(handle, role)
        return give(uow, handle, role, facts, by=SYSTEM, at=now, decides=decides)

    def _take(self, uow: UnitOfWork, handle: str, role: str, issuer: str) -> list[Event]:
        facts = {"role": role, "issuer": issuer}
        waiting = offer_of(uow, handle, role)
        if waiting is not None and waiting.offered_by == SYSTEM:
            uow.people.drop_offer(handle, role)
            return [Event("role.offer_withdrawn", f"person:{handle}", facts)]
        person = found(uow.people.get(handle), handle, see="person list")
        if role not in person.roles:
            return []
        if role == ADMIN and not any(
            ADMIN in one.roles and not one.service and one.handle != handle for one in every(uow.people.search)
        ):
            _log.warning("%s stays the last admin, although the provider's groups no longer say so", handle)
            return []
        uow.people.revoke(handle, role, by=SYSTEM, at=self.context.clock.now())
        return [Event("role.revoked", f"person:{handle}", facts)]

    def _settings(self, uow: UnitOfWork) -> list[Event]:
        """The entry about settings that say who gets which roles, where they changed since the last one."""
        settings = self.context.settings
        facts: dict[str, object] = {
            "issuer": settings.oidc_issuer,
            "client": settings.oidc_client,
            "roles": {group: list(roles) for group, roles in settings.oidc_roles.items()},
            "deciding_groups": list(settings.oidc_deciding_groups),
            "new_people": settings.oidc_new_people,
        }
        last = uow.audit.search(subject=SUBJECT, action=ACTION, page=PageRequest(1)).items
        return [] if last and dict(last[0].detail) == facts else [Event(ACTION, SUBJECT, facts)]


def _live(uow: UnitOfWork, handle: str) -> list[BoundIdentity]:
    return [one for one in uow.people.identities(handle) if one.live]


def _other_way_in(uow: UnitOfWork, handle: str, now: datetime) -> bool:
    tokens = every(lambda page: uow.people.tokens(handle, page))
    good = any(one.revoked_at is None and one.expires_at > now and not one.reach.limited for one in tokens)
    return good or uow.people.kept_password(handle) is not None


def _again(uow: UnitOfWork, bound: BoundIdentity) -> BoundIdentity:
    return found(uow.people.identity(bound.issuer, bound.subject), f"account of {bound.issuer}", see="person list")


def _exists(uow: UnitOfWork, role: str) -> bool:
    try:
        check_exists(uow, role)
    except InvalidError:
        _log.warning("FOREBEAR_OIDC_ROLES names the role %s, which no policy knows: nobody gets it", role)
        return False
    return True
