"""Who a token or the cookie of a browser identifies: sessions begin, get new cookies, and end.

The cookie of a session is replaced every `ROTATED_EVERY`. The one before stays good until the new one has come back,
and `STAYS_GOOD` longer. Used after that it is a copy: then the session ends, for whoever has the other cookie too.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.ids import new_id
from registry.domain.paging import Page, PageRequest
from registry.domain.people.people import Actor, Permission, TokenSummary
from registry.domain.people.sessions import (
    ROTATED_EVERY,
    STAYS_GOOD,
    Means,
    SessionSummary,
    StartedSession,
    Visit,
    is_cookie,
    new_cookie,
)
from registry.domain.people.tokens import hash_secret, is_well_formed
from registry.errors import NoSpaceError, NotFoundError, UnauthenticatedError
from registry.services.context import Context
from registry.services.governance.reviews.proofs import proving_token
from registry.services.lookup import actor_of
from registry.services.people.hashing import password_proof
from registry.services.people.tokens import refuse_limited, unknown
from registry.services.storage.people import KeptSession
from registry.services.unit_of_work import UnitOfWork

_log = logging.getLogger(__name__)
TOUCH_EVERY = timedelta(minutes=10)
"""How precisely the last use of a token is recorded: a write for each request would be slow."""
_AGAIN = "Sign in again"


@dataclass(frozen=True, slots=True)
class Sessions:
    """Implements `SessionVerbs` over a unit of work."""

    context: Context

    def authenticate(self, secret: str) -> Actor:
        """The person whom `secret` identifies. Raises: UnauthenticatedError."""
        with self._open() as uow:
            token = self._token_of(uow, secret)
            actor = _actor(uow, token.person, token)
        self._touch(token)
        return actor

    def holder(self, token_id: str) -> Actor:
        """Who a token belongs to, by its id. Raises: UnauthenticatedError."""
        with self._open() as uow:
            token = self._live(uow.people.token(token_id))
            return _actor(uow, token.person, token)

    def begin(self, secret: str, address: str) -> StartedSession:
        """A session for the holder of a token; refused or not, the audit log keeps the attempt."""
        try:
            with self._open() as uow:
                token = self._token_of(uow, secret)
            if token.reach.limited:
                raise UnauthenticatedError(
                    f"This token is limited to {token.reach}, so it is for programs and not for a browser",
                    remedy="Sign in with a token without that limit",
                )
        except UnauthenticatedError as error:
            with self._open(write=True) as uow:
                uow.commit(Event("session.refused", "sign-in", {"address": address, "reason": error.message}))
            raise
        with self._open(write=True) as uow:
            return self.start(uow, token.person, Means.TOKEN, address, token)

    def start(
        self,
        uow: UnitOfWork,
        person: str,
        means: Means,
        address: str,
        token: TokenSummary | None = None,
        also: Sequence[Event] = (),
    ) -> StartedSession:
        """Begin a session for somebody who has proved who they are, and commit, with the entries `also`."""
        now, cookie = self.context.clock.now(), new_cookie()
        ends = now + timedelta(hours=self.context.settings.session_hours)
        summary = SessionSummary(
            id=new_id("ses", now),
            person=person,
            means=means,
            token="" if token is None else token.id,
            started_at=now,
            used_at=now,
            expires_at=ends if token is None else min(ends, token.expires_at),
        )
        uow.people.add_session(KeptSession(summary, _name(cookie), rotated_at=now))
        detail = {"session": summary.id, "means": means.value, "address": address}
        uow.commit(
            *also,
            Event("session.started", _subject(person), detail if token is None else {**detail, "token": token.id}),
        )
        return StartedSession(summary, cookie)

    def visit(self, cookie: str) -> Visit:
        """Who asks with this cookie; now and then with a new one. Raises: UnauthenticatedError."""
        now = self.context.clock.now()
        with self._open() as uow:
            kept = self._kept(uow, cookie, now)
            actor = self._actor_in(uow, kept.summary)
        if kept.name != _name(cookie) and kept.former_until is not None and kept.former_until <= now:
            self._end_copied(kept)
            raise UnauthenticatedError("The cookie of this session was replaced, so it has ended", remedy=_AGAIN)
        new = self._renewed(kept, cookie, now)
        return Visit(actor, kept.summary, new)

    def still(self, session_id: str) -> Actor:
        """Who a session belongs to, while it lasts; asking does not count as using it. Raises: UnauthenticatedError."""
        with self._open() as uow:
            kept = self._lasting(uow.people.session(session_id), self.context.clock.now())
            return self._actor_in(uow, kept.summary)

    def prove(self, proof: str) -> None:
        """Keep that the actor has proved anew, in this session, who they are; see `SessionVerbs.prove`."""
        actor, what = self.context.actor, "This"
        with self.context.read() as uow:
            before = uow.people.kept_password(actor.handle)
            token = proving_token(uow, self.context, proof, what) if is_well_formed(proof) else None
        by = token.made_by or token.person if token is not None else password_proof(before, proof, what)
        with self._open(write=True) as uow:
            if token is not None:
                proving_token(uow, self.context, proof, what)
            elif uow.people.kept_password(actor.handle) != before:
                raise UnauthenticatedError("Your password was changed meanwhile", remedy=_AGAIN)
            self.keep_proof(uow, by)
            uow.commit(Event("session.proved", _subject(actor.handle), {"session": actor.session}))

    def keep_proof(self, uow: UnitOfWork, by: str) -> None:
        """The actor's session is proved from now on, by what `by` could give; the caller commits."""
        kept = uow.people.session(self.context.actor.session) if self.context.actor.session else None
        if kept is None:
            raise UnauthenticatedError("This is done in a browser, by who is signed in there", remedy=_AGAIN)
        uow.people.change_session(kept, replace(kept, proved_at=self.context.clock.now(), proved_by=by))

    def end(self, session_id: str) -> None:
        """Sign out of one session; ending it twice changes nothing. Raises: NotFoundError."""
        with self._open(write=True) as uow:
            kept = uow.people.session(session_id)
            if kept is None:
                raise NotFoundError(f"There is no session {session_id[:80]}")
            if kept.ended_at is None:
                self._end(uow, kept, {})

    def of(self, handle: str, page: PageRequest) -> Page[SessionSummary]:
        """The sessions of a person that last, newest first: one's own, or as an admin anybody's."""
        self.context.actor.require(self._over(handle))
        now = self.context.clock.now()
        with self.context.read() as uow:
            _check_known(uow, handle)
            return uow.people.sessions(handle, since=now - self._idle, now=now, page=page)

    def end_all(self, handle: str) -> int:
        """Sign a person out of every browser: oneself, or as an admin anybody. Gives how many sessions ended."""
        refuse_limited(self.context.actor)
        now = self.context.clock.now()
        with self.context.write(self._over(handle)) as uow:
            _check_known(uow, handle)
            ended = uow.people.end_sessions(handle, at=now)
            uow.people.drop_devices_of(handle)  # what one of these sessions allowed a moment ago
            uow.commit(Event("session.all_ended", _subject(handle), {"sessions": ended}))
        return ended

    @property
    def _idle(self) -> timedelta:
        return timedelta(minutes=self.context.settings.session_idle_minutes)

    def _over(self, handle: str) -> Permission:
        return Permission.READ if handle == self.context.actor.handle else Permission.ADMIN

    def _kept(self, uow: UnitOfWork, cookie: str, now: datetime) -> KeptSession:
        return self._lasting(uow.people.session_named(_name(cookie)) if is_cookie(cookie) else None, now)

    def _lasting(self, kept: KeptSession | None, now: datetime) -> KeptSession:
        """`kept`, while it lasts. Raises: UnauthenticatedError."""
        if kept is None:
            raise UnauthenticatedError("This session is not known here", remedy=_AGAIN)
        if kept.ended_at is not None or kept.summary.expires_at <= now:
            raise UnauthenticatedError("This session has ended", remedy=_AGAIN)
        if now - kept.summary.used_at >= self._idle:
            minutes = self.context.settings.session_idle_minutes
            raise UnauthenticatedError(f"This session has ended: it was not used for {minutes} minutes", remedy=_AGAIN)
        return kept

    def _actor_in(self, uow: UnitOfWork, session: SessionSummary) -> Actor:
        token = self._live(uow.people.token(session.token)) if session.token else None
        return replace(_actor(uow, session.person, token), session=session.id)

    def _renewed(self, kept: KeptSession, cookie: str, now: datetime) -> str | None:
        """Record the use of the session, and give its new cookie when it is time for one."""
        new = None
        after = kept
        if now - kept.summary.used_at >= self._idle / 12:
            after = replace(after, summary=replace(after.summary, used_at=now))
        if kept.name == _name(cookie):
            if kept.former is not None and kept.former_until is None:  # the new cookie has arrived
                after = replace(after, former_until=now + STAYS_GOOD)
            elif now - kept.rotated_at >= ROTATED_EVERY:
                new = new_cookie()
                after = replace(after, name=_name(new), former=kept.name, former_until=None, rotated_at=now)
        elif kept.former_until is None and now - kept.rotated_at >= STAYS_GOOD:  # the new one got lost
            new = new_cookie()
            after = replace(after, name=_name(new), rotated_at=now)
        if after == kept:
            return None
        try:
            with self._open(write=True) as uow:
                changed = uow.people.change_session(kept, after)
                uow.commit_unaudited()
        except NoSpaceError as error:  # reading goes on when the disk is full
            _log.warning("The use of the session %s could not be written: %s", kept.summary.id, error)
            return None
        return new if changed else None  # another request of the same browser was first

    def _end_copied(self, kept: KeptSession) -> None:
        with self._open(write=True) as uow:
            self._end(uow, kept, {"reason": "a cookie was used that had been replaced"})

    def _end(self, uow: UnitOfWork, kept: KeptSession, detail: dict[str, object]) -> None:
        uow.people.change_session(kept, replace(kept, ended_at=self.context.clock.now()))
        about = {"session": kept.summary.id, **({"token": kept.summary.token} if kept.summary.token else {}), **detail}
        uow.commit(Event("session.ended", _subject(kept.summary.person), about))

    def _token_of(self, uow: UnitOfWork, secret: str) -> TokenSummary:
        """The valid token with this secret. Raises: UnauthenticatedError."""
        if not is_well_formed(secret):
            raise unknown()
        return self._live(uow.people.token_by_hash(hash_secret(secret)))

    def _live(self, token: TokenSummary | None) -> TokenSummary:
        if token is None:
            raise unknown()
        if token.revoked_at is not None:
            raise UnauthenticatedError("This token was revoked", remedy="Make another: forebear token create")
        if token.expires_at <= self.context.clock.now():
            raise UnauthenticatedError("This token has expired", remedy="Make another: forebear token create")
        if token.reach.enrolment and not token.confirmed_by:
            raise UnauthenticatedError(
                f"Nobody has confirmed the enrolment of {token.person} yet",
                remedy=f"Somebody else who decides does it: forebear token confirm {token.person}",
            )
        return token

    def _touch(self, token: TokenSummary) -> None:
        now = self.context.clock.now()
        if token.last_used_at is None or abs(now - token.last_used_at) >= TOUCH_EVERY:
            try:
                with self._open(write=True) as uow:
                    uow.people.touch_token(token.id, at=now)
                    uow.commit_unaudited()
            except NoSpaceError as error:  # reading goes on when the disk is full
                _log.warning("The last use of %s could not be written: %s", token.id, error)

    def _open(self, *, write: bool = False) -> UnitOfWork:
        """Authentication needs no permission: who is asking is not known yet."""
        return self.context.open_uow(actor=self.context.actor.handle, write=write)


def _actor(uow: UnitOfWork, handle: str, token: TokenSummary | None) -> Actor:
    actor = actor_of(uow, handle)
    if actor is None:
        raise unknown()
    if token is None:
        return actor
    return replace(actor, token=token.id, scope=token.scope, reach=token.reach, until=token.expires_at)


def _check_known(uow: UnitOfWork, handle: str) -> None:
    if uow.people.get(handle) is None:
        raise NotFoundError(f"Unknown user {handle[:80]!r}", remedy="List the people: forebear person list")


def _name(cookie: str) -> Digest:
    return Digest.of(cookie.encode())


def _subject(handle: str) -> str:
    return f"person:{handle}"
