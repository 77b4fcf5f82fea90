"""The repository of webhooks and their messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    update,
)

from lineage import Digest
from registry.domain.notifications.webhooks import Delivery, DeliveryState, Webhook, matches
from registry.domain.paging import Page, PageRequest
from registry.errors import NotFoundError
from registry.services.storage.notifications import Claimed, Result
from registry.storage.notifications import retrying
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import audit_entry, delivery, webhook
from registry.storage.tables.notifications import OPEN, SETTLED, WAITING

_LAST_CHARACTER = "\U0010ffff"
_ACTIVE = webhook.c.stopped_at.is_(None)


class SqlNotifications:
    """Implements `NotificationRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_webhook(self, webhook_: Webhook, fingerprint: Digest) -> None:
        self._connection.execute(
            insert(webhook).values(
                public_id=webhook_.id,
                url=webhook_.url,
                events=list(webhook_.events),
                fingerprint=fingerprint,
                cursor=self._newest(),
                created_at=webhook_.created_at,
                created_by=webhook_.created_by,
            )
        )

    def webhooks(self) -> Sequence[Webhook]:
        many = (_many(DeliveryState.WAITING).label("waiting"), _many(DeliveryState.DEAD).label("dead"))
        return [
            Webhook(
                row.public_id,
                row.url,
                tuple(row.events),
                row.created_at,
                row.created_by,
                row.waiting,
                row.dead,
                row.stopped_at,
            )
            for row in self._connection.execute(select(webhook, *many).order_by(webhook.c.id))
        ]

    def webhook(self, webhook_id: str) -> Webhook | None:
        return next((one for one in self.webhooks() if one.id == webhook_id), None)

    def fingerprint(self, webhook_id: str) -> Digest:
        query = select(webhook.c.fingerprint).where(webhook.c.public_id == webhook_id)
        found: Digest | None = self._connection.scalar(query)
        if found is None:
            raise NotFoundError(f"There is no webhook {webhook_id}")
        return found

    def remove_webhook(self, webhook_id: str) -> None:
        key = self._key(webhook_id)
        self._connection.execute(delete(delivery).where(delivery.c.webhook_id == key))
        self._connection.execute(delete(webhook).where(webhook.c.id == key))

    def stop_webhook(self, webhook_id: str, problem: str, at: datetime) -> bool:
        stopped = self._connection.execute(
            update(webhook).where(webhook.c.public_id == webhook_id, _ACTIVE).values(stopped_at=at)
        )
        if not stopped.rowcount:
            return False
        self._connection.execute(
            update(delivery)
            .where(delivery.c.webhook_id == self._key(webhook_id), text(WAITING))
            .values(state=DeliveryState.DEAD.value, problem=problem, tried_at=at)
        )
        return True

    def resume_webhook(self, webhook_id: str, at: datetime) -> int:
        key = self._key(webhook_id)
        active = select(webhook.c.stopped_at.is_(None)).where(webhook.c.id == key)
        if not self._connection.scalar(active):  # what was written to the log while it was stopped is not sent
            self._connection.execute(
                update(webhook).where(webhook.c.id == key).values(stopped_at=None, cursor=self._newest())
            )
        again = self._connection.execute(
            update(delivery)
            .where(delivery.c.webhook_id == key, delivery.c.state == DeliveryState.DEAD.value)
            .values(state=DeliveryState.WAITING.value, attempts=0, next_at=at)
        )
        return again.rowcount

    def occurs(self, pattern: str) -> bool:
        action, scope = audit_entry.c.action, pattern.removesuffix("*")
        found: ColumnElement[bool] = literal(value=True)
        if scope == pattern:
            found = action == pattern
        elif scope:
            found = (action >= scope) & (action < scope + _LAST_CHARACTER)
        return self._connection.execute(select(audit_entry.c.seq).where(found).limit(1)).first() is not None

    def deliveries(self, *, webhook: str | None, state: DeliveryState | None, page: PageRequest) -> Page[Delivery]:
        query = _LISTED
        if webhook is not None:
            query = query.where(delivery.c.webhook_id == self._key(webhook))
        if state is not None:
            query = query.where(delivery.c.state == state.value)
        scope = f"deliveries {webhook} {state}"
        rows, cursor = page_rows(
            self._connection, query, [SortBy(delivery.c.id, int, descending=True)], page, scope=scope
        )
        return Page([_delivery(row) for row in rows], cursor)

    def is_behind(self) -> bool:
        oldest = self._connection.scalar(select(func.min(webhook.c.cursor)).where(_ACTIVE))
        return oldest is not None and oldest < self._newest()

    def queue(self, at: datetime, *, limit: int, forget: datetime) -> bool:
        self._connection.execute(delete(delivery).where(text(SETTLED), delivery.c.tried_at < forget))
        hooks = self._connection.execute(select(webhook.c.id, webhook.c.cursor, webhook.c.events).where(_ACTIVE)).all()
        entries = self._connection.execute(
            select(audit_entry.c.seq, audit_entry.c.action)
            .where(audit_entry.c.seq > min((hook.cursor for hook in hooks), default=0))
            .order_by(audit_entry.c.seq)
            .limit(limit)
        ).all()
        if not (hooks and entries):
            return False
        rows = [
            {"webhook_id": hook.id, "seq": entry.seq}
            for hook in hooks
            for entry in entries
            if entry.seq > hook.cursor and matches(hook.events, entry.action)
        ]
        if rows:
            fresh = {"state": DeliveryState.WAITING.value, "attempts": 0, "problem": "", "next_at": at}
            self._connection.execute(insert(delivery), [{**row, **fresh} for row in rows])
        last = entries[-1].seq
        self._connection.execute(update(webhook).where(_ACTIVE, webhook.c.cursor < last).values(cursor=last))
        return len(entries) == limit

    def is_due(self, now: datetime) -> bool:
        return retrying.is_due(self._connection, delivery, now)

    def claim(self, now: datetime, *, until: datetime, limit: int) -> Sequence[Claimed]:
        query = (
            select(
                delivery.c.id,
                delivery.c.attempts,
                delivery.c.seq,
                webhook.c.public_id,
                webhook.c.url,
                webhook.c.fingerprint,
                webhook.c.events,
                audit_entry.c.body,
            )
            .join(webhook, webhook.c.id == delivery.c.webhook_id)
            .join(audit_entry, audit_entry.c.seq == delivery.c.seq)
        )
        rows = retrying.claim(self._connection, delivery, query, now, until=until, limit=limit)
        return [
            Claimed(
                row.id,
                row.public_id,
                row.url,
                row.fingerprint,
                row.attempts,
                row.seq,
                bytes(row.body),
                tuple(row.events),
            )
            for row in rows
        ]

    def record(self, results: Sequence[Result]) -> None:
        retrying.record(self._connection, delivery, results)

    def _newest(self) -> int:
        return self._connection.scalar(select(func.max(audit_entry.c.seq))) or 0

    def _key(self, webhook_id: str) -> int:
        key = self._connection.scalar(select(webhook.c.id).where(webhook.c.public_id == webhook_id))
        if key is None:
            raise NotFoundError(f"There is no webhook {webhook_id[:80]}", remedy="See: forebear webhook list")
        return int(key)


_LISTED = (
    select(delivery, webhook.c.public_id, audit_entry.c.action)
    .join(webhook, webhook.c.id == delivery.c.webhook_id)
    .join(audit_entry, audit_entry.c.seq == delivery.c.seq)
)


def _many(state: DeliveryState) -> Any:
    """How many messages of a webhook are in this state."""
    mine = (delivery.c.webhook_id == webhook.c.id, text(OPEN), delivery.c.state == state.value)
    return select(func.count()).select_from(delivery).where(*mine).correlate(webhook).scalar_subquery()


def _delivery(row: Any) -> Delivery:
    state = DeliveryState(row.state)
    return Delivery(
        row.public_id,
        row.seq,
        row.action,
        state,
        row.attempts,
        row.problem,
        row.tried_at,
        row.next_at if state is DeliveryState.WAITING else None,
    )
