"""Sends what the audit log has for webhooks: each message once accepted, or given up after ten attempts.

The log is the outbox: an entry is written in the transaction of the change, and messages are made from entries. While
a message is under way no transaction is open; who dies then leaves it to be sent again, under the same id.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import groupby

from registry.domain.audit import Event, read_body
from registry.domain.notifications.webhooks import (
    OPENLINEAGE,
    DeliveryState,
    Sent,
    fingerprint,
    headers_of,
    host_of,
    message_of,
    next_attempt,
    secret_of,
)
from registry.errors import IntegrityError, RegistryError
from registry.outgoing.posting import GONE, Outcome, post
from registry.services.context import Context
from registry.services.keys import registry_key
from registry.services.lookup import actor_of
from registry.services.notifications.openlineage import events_about
from registry.services.sight.guarding import is_told_of_hidden
from registry.services.storage.notifications import Claimed, Result

AT_ONCE, ENTRIES, THREADS = 64, 1000, 8
"""Messages of one transaction, entries of one, and receivers that are sent to at the same time."""
STOPPED = "The receiver answered 410: it wants no more messages"
WITHHELD = "It is about a closed team that whoever added the webhook does not see, so it was not sent"
_log = logging.getLogger("forebear.webhooks")


def deliver_webhooks(context: Context, in_time: Callable[[], bool], *, lease: timedelta, kept: timedelta) -> Sent:
    """Make messages from the new entries of the log, and send what is due while there is time.

    To one receiver messages go one after the other, and after a failure the rest waits for the next round. A message
    is this process's own for `lease`; what became of it is kept for `kept`.
    """
    done = Sent()
    _queue(context, in_time, kept)
    while in_time() and (mine := _claim(context, lease)):
        results = _send_all(context, mine, in_time)
        _record(context, results)
        tried = [one for one in results if one.tried_at is not None]
        good = sum(one.state is DeliveryState.DELIVERED for one in tried)
        done = Sent(done.delivered + good, done.failed + len(tried) - good)
        if len(tried) < len(results):
            break
    return done


def _queue(context: Context, in_time: Callable[[], bool], kept: timedelta) -> None:
    with context.read() as uow:
        more = uow.notifications.is_behind()
    while more and in_time():
        now = context.clock.now()
        with context.open_uow(actor=context.actor.handle, write=True) as uow:
            more = uow.notifications.queue(now, limit=ENTRIES, forget=now - kept)
            uow.commit_unaudited()


def _claim(context: Context, lease: timedelta) -> Sequence[Claimed]:
    now = context.clock.now()
    with context.read() as uow:
        if not uow.notifications.is_due(now):
            return ()
    with context.open_uow(actor=context.actor.handle, write=True) as uow:
        mine = uow.notifications.claim(now, until=now + lease, limit=AT_ONCE)
        uow.commit_unaudited()
    return mine


def _send_all(context: Context, mine: Sequence[Claimed], in_time: Callable[[], bool]) -> list[Result]:
    by_receiver = [list(part) for _, part in groupby(sorted(mine, key=_order), key=lambda one: one.webhook)]
    if len(by_receiver) == 1:
        return list(_send_in_turn(context, by_receiver[0], in_time))
    with ThreadPoolExecutor(min(THREADS, len(by_receiver)), "webhook") as pool:
        parts = pool.map(lambda part: list(_send_in_turn(context, part, in_time)), by_receiver)
        return [one for part in parts for one in part]


def _order(one: Claimed) -> tuple[str, int]:
    return one.webhook, one.seq


def _send_in_turn(context: Context, mine: Sequence[Claimed], in_time: Callable[[], bool]) -> Iterator[Result]:
    """What came of each message to one receiver; those after a failure, or after the time, are given back untried."""
    failed = False
    for one in mine:
        if failed or not in_time():
            yield Result(one.key, one.attempts, DeliveryState.WAITING, "", None, context.clock.now())
            continue
        result = _sent(context, one)
        failed = result.state is not DeliveryState.DELIVERED and result.problem != WITHHELD
        yield result


def _sent(context: Context, one: Claimed) -> Result:
    if _is_withheld(context, one):
        return Result(one.key, one.attempts + 1, DeliveryState.DEAD, WITHHELD, context.clock.now(), None)
    outcome = _sent_about(context, one)
    now, attempts = context.clock.now(), one.attempts + 1
    if outcome.accepted:
        return Result(one.key, attempts, DeliveryState.DELIVERED, "", now, None)
    if outcome.status == GONE:
        _stop(context, one)
        return Result(one.key, attempts, DeliveryState.DEAD, STOPPED, now, None)
    again = next_attempt(attempts, now, secrets.randbelow(1000) / 1000, outcome.retry_after)
    state = DeliveryState.DEAD if again is None else DeliveryState.WAITING
    ending = "given up" if again is None else f"tried again at {again:%Y-%m-%d %H:%M:%S} UTC"
    _log.warning("A message to %s failed (attempt %d, %s): %s", host_of(one.url), attempts, ending, outcome.problem)
    return Result(one.key, attempts, state, outcome.problem, now, again)


def _is_withheld(context: Context, one: Claimed) -> bool:
    """True for a message about something that whoever added the webhook does not see."""
    with context.read() as uow:
        if not uow.teams.count_closed():
            return False
        hook = uow.notifications.webhook(one.webhook)
        maker = None if hook is None else actor_of(uow, hook.created_by)
    if maker is None:
        return True
    try:
        texts = [body.decode() for _, body in _messages(context, one)]
    except RegistryError:  # which is said when it is sent
        texts = []
    return is_told_of_hidden(context.as_actor(maker), read_body(one.body).columns.subject, texts)


def _sent_about(context: Context, one: Claimed) -> Outcome:
    """What came of the last message about an entry, or of the first that was not accepted."""
    try:
        messages = _messages(context, one)
    except RegistryError as error:
        return Outcome(None, error.message, 0.0)
    for message, body in messages:
        outcome = send(context, one.webhook, one.url, one.fingerprint, message, body)
        if not outcome.accepted:
            break
    return outcome


def _messages(context: Context, one: Claimed) -> Sequence[tuple[str, bytes]]:
    """(id, body) of each message about an entry: one, or the OpenLineage events of its step."""
    entry, message = read_body(one.body), f"{one.webhook}_{one.seq}"
    if OPENLINEAGE in one.events:
        return [(f"{message}_{kind.lower()}", body) for kind, body in events_about(context, entry)]
    found = entry.columns
    data: dict[str, object] = {"entry": one.seq, "subject": found.subject, "actor": found.actor}
    return [(message, message_of(found.action, found.at, data))]


def send(context: Context, webhook: str, url: str, known: object, message: str, body: bytes) -> Outcome:
    """Sign and send one message. `known` is the fingerprint of the secret that its receiver was given."""
    try:
        secret = secret_of(registry_key(context.home, context.settings), webhook)
        if fingerprint(secret) != known:
            raise IntegrityError(OTHER_KEY)
    except RegistryError as error:
        return Outcome(None, error.message, 0.0)
    headers, key = (
        headers_of(secret, message, context.clock.now(), body),
        context.settings.webhook_keys.get(host_of(url)),
    )
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    return post(url, body, headers, allowed=context.settings.webhook_hosts)


OTHER_KEY = (
    "The key of the registry (FOREBEAR_SECRET, or the file secret) is not the one that this webhook was added with: "
    "remove it and add it again"
)


def _stop(context: Context, one: Claimed) -> None:
    with context.open_uow(actor=context.actor.handle, write=True) as uow:
        if uow.notifications.stop_webhook(one.webhook, STOPPED, context.clock.now()):
            uow.commit(Event("webhook.stopped", one.webhook, {"host": host_of(one.url), "reason": STOPPED}))
    _log.warning("The webhook to %s is stopped: %s", host_of(one.url), STOPPED)


def _record(context: Context, results: Sequence[Result]) -> None:
    with context.open_uow(actor=context.actor.handle, write=True) as uow:
        uow.notifications.record(results)
        uow.commit_unaudited()
