"""Tells people by e-mail of what waits for them: what is new in their inbox becomes one message each."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from registry.domain.notifications.mail import MailServer, NewMail, message_about, read_server
from registry.domain.notifications.webhooks import DeliveryState, Sent, next_attempt
from registry.domain.people.people import Permission
from registry.outgoing.mailing import SECONDS, Letter, send_letters
from registry.outgoing.posting import Outcome
from registry.services.context import Context
from registry.services.governance.reviews.inbox import inbox_of
from registry.services.lookup import actor_of
from registry.services.sight.guarding import seen
from registry.services.storage.notifications import ClaimedMail, Look, Result
from registry.settings import Settings

AT_ONCE = 16
"""Messages of one connection to the mail server."""
LOOKING = 2.0
"""Seconds of a round for looking at inboxes: each judges the open requests, so that with many people and requests it
takes turns, and the pages of the server do not wait."""
NEVER = range(500, 600)
"""Answers of a mail server that will never take the message (RFC 5321 section 4.2.1)."""
_log = logging.getLogger("forebear.mail")


def server_of(settings: Settings) -> MailServer | None:
    """The mail server that the settings name, if one is. Raises: UsageError."""
    return None if settings.smtp_url is None else read_server(settings.smtp_url, settings.mail_from)


def deliver_mail(context: Context, in_time: Callable[[], bool], *, lease: timedelta, kept: timedelta) -> Sent:
    """Write the messages that are new, and send what is due while there is time.

    Raises: UsageError for settings that name no mail server.
    """
    server, done = server_of(context.settings), Sent()
    if server is None:
        return done
    _look(context, in_time, kept)
    while in_time() and (mine := _claim(context, lease)):
        results = send_claimed(context, server, mine)
        with context.open_uow(actor=context.actor.handle, write=True) as uow:
            uow.mail.record(results)
            uow.commit_unaudited()
        good = sum(one.state is DeliveryState.DELIVERED for one in results)
        done = Sent(done.delivered + good, done.failed + len(results) - good)
    return done


def _look(context: Context, in_time: Callable[[], bool], kept: timedelta) -> None:
    """Look at the inboxes that may have something new; each is judged outside of the writer's place."""
    now = context.clock.now()
    with context.read() as uow:
        newest = uow.mail.newest()
        handles = uow.mail.to_look_at(newest, now)
    looks, ends = list[Look](), context.clock.monotonic() + LOOKING
    for handle in handles:
        if not in_time() or context.clock.monotonic() >= ends:
            break
        looks.append(Look(handle, _told(context, handle, now)))
    if looks:
        with context.open_uow(actor=context.actor.handle, write=True) as uow:
            uow.mail.forget_settled(now - kept)
            uow.mail.add(looks, newest, now)
            uow.commit_unaudited()


def _told(context: Context, handle: str, now: datetime) -> Sequence[NewMail]:
    with context.read() as uow:
        actor = actor_of(uow, handle)
    if actor is None or Permission.READ not in actor.permissions:
        return ()
    own = context.as_actor(actor)
    found = seen(inbox_of(own), own)
    return [message_about(one, now, context.settings.public_url) for one in (*found.waiting, *found.stale)]


def _claim(context: Context, lease: timedelta) -> Sequence[ClaimedMail]:
    now = context.clock.now()
    with context.read() as uow:
        if not uow.mail.is_due(now):
            return ()
    with context.open_uow(actor=context.actor.handle, write=True) as uow:
        mine = uow.mail.claim(now, until=now + lease, limit=AT_ONCE)
        uow.commit_unaudited()
    return mine


def send_claimed(context: Context, server: MailServer, mine: Sequence[ClaimedMail]) -> Sequence[Result]:
    """Send messages over one connection, and say what came of each."""
    at = context.clock.now()
    letters = [Letter(f"{_name(one)}.{one.key}", one.address, one.subject, one.text, at) for one in mine]
    outcomes = send_letters(server, letters, seconds=SECONDS)
    return [_result(context, one, outcome) for one, outcome in zip(mine, outcomes, strict=True)]


def _name(one: ClaimedMail) -> str:
    return sha256(f"{one.person}\0{one.topic}".encode()).hexdigest()[:24]


def _result(context: Context, one: ClaimedMail, outcome: Outcome) -> Result:
    now, attempts = context.clock.now(), one.attempts + 1
    if outcome.accepted:
        return Result(one.key, attempts, DeliveryState.DELIVERED, "", now, None)
    again = next_attempt(attempts, now, secrets.randbelow(1000) / 1000)
    if outcome.status in NEVER:
        again = None
    _log.warning("E-mail to %s failed (attempt %d): %s", one.person, attempts, outcome.problem)
    state = DeliveryState.DEAD if again is None else DeliveryState.WAITING
    return Result(one.key, attempts, state, outcome.problem, now, again)
