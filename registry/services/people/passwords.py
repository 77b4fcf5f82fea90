"""Signing in by a password: who has one, who sets it, and what it gives.

Whether a person is unknown, has no password or typed another one takes equally long and is answered alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from registry.domain.audit import Event
from registry.domain.people.passwords import MOST, KeptPassword, PasswordSummary, check_password, normal
from registry.domain.people.people import BY_PASSWORD, NewToken, Permission, Person, Scope, is_handle
from registry.domain.people.sessions import Means, StartedSession
from registry.domain.people.signing_in import AskedToken
from registry.domain.people.tokens import hash_secret, is_well_formed
from registry.domain.text import check_words
from registry.errors import ConflictError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from registry.services.context import Context
from registry.services.governance.reviews.proofs import proving_token, session_proof
from registry.services.lookup import found
from registry.services.people.hashing import hash_password, is_outdated, password_proof, verify_password
from registry.services.people.sessions import Sessions
from registry.services.people.tokens import check_days, end_tokens, new_token, refuse_limited, token_event
from registry.services.unit_of_work import UnitOfWork

_WHAT = "A password"
OFF = "Passwords are not turned on here"
_TURN_ON = "Whoever runs the server turns them on with FOREBEAR_PASSWORDS=1; a token signs in as well"


@dataclass(frozen=True, slots=True)
class Passwords:
    """Implements `PasswordVerbs` over a unit of work."""

    context: Context

    def of(self, handle: str) -> PasswordSummary:
        """Since when one has a password; as an admin, anybody."""
        self.context.actor.require(self._over(handle))
        with self.context.read() as uow:
            return _kept(uow, handle).summary

    def set(self, handle: str, password: str, *, proof: str, revoke_tokens: bool = False) -> PasswordSummary:
        """Set one's own password, with a fresh sign-in; see `PasswordVerbs.set`."""
        actor = self.context.actor
        refuse_limited(actor)
        if handle != actor.handle or actor.service:
            raise PermissionDeniedError(
                f"{actor.handle} may not set a password for {handle[:64]}",
                remedy="People set their own: forebear password set"
                + ("" if not actor.service else "; programs do not"),
            )
        self._check_on()
        with self.context.read() as uow:
            person = found(uow.people.get(handle), f"person {handle}", see="person list")
            before = uow.people.kept_password(handle)
            made_by = self._proved(uow, before, proof)
        secret = hash_password(check_password(password, (person.handle, person.name)))
        now = self.context.clock.now()
        kept = KeptPassword(PasswordSummary(handle, now, made_by), secret)
        with self.context.write(Permission.READ) as uow:
            self._proved_still(uow, proof, before)
            uow.people.set_password(kept)
            ended = uow.people.end_sessions(handle, at=now)
            also = self._tokens_ended(uow, handle, revoke_tokens)
            uow.commit(Event("password.set", _subject(handle), {"sessions": ended, **_foreign(made_by, handle)}), *also)
        return kept.summary

    def remove(self, handle: str, *, revoke_tokens: bool = False) -> PasswordSummary:
        """Take a password away, one's own or as an admin anybody's."""
        refuse_limited(self.context.actor)
        with self.context.write(self._over(handle)) as uow:
            kept = _kept(uow, handle)
            dropped = drop_password(uow, kept, at=self.context.clock.now())
            uow.commit(dropped, *self._tokens_ended(uow, handle, revoke_tokens))
        return kept.summary

    def begin(self, handle: str, password: str, address: str) -> StartedSession:
        """A session for who knows the password; refused or not, the audit log keeps the attempt."""
        person, kept = self._known(handle, password, address)
        with self._open() as uow:
            _check_same(uow, kept)
            return Sessions(self.context).start(uow, person.handle, Means.PASSWORD, address)

    def token(self, handle: str, password: str, wish: AskedToken, address: str) -> NewToken:
        """A token for who knows the password; see `PasswordVerbs.token`."""
        label = check_wish(wish)
        person, kept = self._known(handle, password, address)
        now, made_by = self.context.clock.now(), kept.summary.made_by
        made = new_token(
            person.handle, label, wish.scope, days=wish.days, now=now, made_by=made_by, made_with=BY_PASSWORD
        )
        with self._open() as uow:
            _check_same(uow, kept)
            uow.people.add_token(made.summary, hash_secret(made.secret))
            event = token_event("token.created", made.summary)
            uow.commit(replace(event, detail={**event.detail, "means": "password", "address": address}))
        return made

    def _known(self, handle: str, password: str, address: str) -> tuple[Person, KeptPassword]:
        """Whose password it is. Raises: UnauthenticatedError, ConflictError where there are none."""
        self._check_on()
        with self.context.open_uow(actor=self.context.actor.handle) as uow:
            person = uow.people.get(handle) if is_handle(handle) else None
            kept = uow.people.kept_password(handle) if person is not None else None
        right = verify_password(kept.hash if kept else None, normal(password[: MOST * 4]))
        if person is None or kept is None or not right:
            reason = "a wrong password" if kept is not None else "no such person with a password"
            subject = _subject(person.handle) if person is not None else "sign-in"
            with self._open() as uow:
                uow.commit(Event("session.refused", subject, {"address": address, "reason": reason}))
            raise UnauthenticatedError(
                "This is not the handle and the password of anybody here",
                remedy="Repeat it, or sign in with a token. Who has lost theirs: forebear token enrol",
            )
        if is_outdated(kept.hash):
            fresh = replace(kept, hash=hash_password(normal(password)))
            with self._open() as uow:
                _check_same(uow, kept)
                uow.people.set_password(fresh)
                uow.commit_unaudited()
            return person, fresh
        return person, kept

    def _proved(self, uow: UnitOfWork, kept: KeptPassword | None, proof: str) -> str:
        """Who could give this fresh sign-in. Raises: UnauthenticatedError."""
        before = None if proof else session_proof(uow, self.context)
        if before is not None:
            return before.by
        if not is_well_formed(proof):
            return password_proof(kept, proof, _WHAT)
        token = proving_token(uow, self.context, proof, _WHAT)
        if token.scope is not Scope.ADMIN:
            raise UnauthenticatedError(
                f"{_WHAT} takes a fresh sign-in, and this token has a limit", remedy="Give one without a limit"
            )
        return token.made_by or token.person

    def _proved_still(self, uow: UnitOfWork, proof: str, before: KeptPassword | None) -> None:
        """A token may have been revoked, and a password replaced, while the new one was hashed."""
        if is_well_formed(proof):
            self._proved(uow, before, proof)
        elif uow.people.kept_password(self.context.actor.handle) != before:
            raise UnauthenticatedError(
                "Your password was changed meanwhile", remedy="Repeat it with the one that you have"
            )

    def _tokens_ended(self, uow: UnitOfWork, handle: str, wanted: bool) -> list[Event]:
        """Where it is wanted, all tokens of the person but the one that asks."""
        if not wanted:
            return []
        return end_tokens(uow, handle, at=self.context.clock.now(), but=self.context.actor.token)

    def _check_on(self) -> None:
        if not self.context.settings.passwords:
            raise ConflictError(OFF, remedy=_TURN_ON)

    def _over(self, handle: str) -> Permission:
        return Permission.READ if handle == self.context.actor.handle else Permission.ADMIN

    def _open(self) -> UnitOfWork:
        return self.context.open_uow(actor=self.context.actor.handle, write=True)


def drop_password(uow: UnitOfWork, kept: KeptPassword, *, at: datetime) -> Event:
    """Take it away, and end the sessions of the person; the caller commits."""
    handle = kept.summary.person
    uow.people.drop_password(handle)
    return Event("password.removed", _subject(handle), {"sessions": uow.people.end_sessions(handle, at=at)})


def end_ways_in(uow: UnitOfWork, handle: str, *, at: datetime) -> list[Event]:
    """A password, and accounts of the provider that were bound by hand, end: others may have had them made.

    The caller commits.
    """
    kept, events = uow.people.kept_password(handle), list[Event]()
    uow.people.drop_devices_of(handle)
    if kept is not None:
        events.append(drop_password(uow, kept, at=at))
    for one in uow.people.identities(handle):
        if one.live and one.made_by:
            uow.people.change_identity(replace(one, live=False))
            facts = {"issuer": one.issuer, "sessions": uow.people.end_sessions(handle, at=at)}
            events.append(Event("identity.ended", _subject(handle), facts))
    return events


def check_wish(wish: AskedToken) -> str:
    """The label of the token that somebody wants. Raises: InvalidError."""
    check_days(wish.days)
    return check_words(wish.label, "label of a token", 128)


def _kept(uow: UnitOfWork, handle: str) -> KeptPassword:
    kept = uow.people.kept_password(handle)
    if kept is None:
        raise NotFoundError(f"{handle[:64]} has no password", remedy="Set yours: forebear password set")
    return kept


def _check_same(uow: UnitOfWork, kept: KeptPassword) -> None:
    """Raises: UnauthenticatedError where the password was changed or taken away since it was compared."""
    if uow.people.kept_password(kept.summary.person) != kept:
        raise UnauthenticatedError("The password was changed meanwhile", remedy="Sign in with the new one")


def _foreign(made_by: str, handle: str) -> dict[str, object]:
    return {} if made_by == handle else {"with_token_of": made_by}


def _subject(handle: str) -> str:
    return f"person:{handle}"
