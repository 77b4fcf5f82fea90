"""One round of sending: webhooks, then e-mail, within one time limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from registry.domain.notifications.webhooks import Sent
from registry.outgoing.mailing import SECONDS
from registry.services.context import Context
from registry.services.notifications.delivering import deliver_webhooks
from registry.services.notifications.mailing import deliver_mail

ROUND = 60.0
"""Seconds after which a round begins no more messages; the next round goes on."""
LEASE = timedelta(seconds=ROUND + 2 * SECONDS)
"""How long a message is its process's own: longer than a round, with what is under way when it ends."""
KEPT = timedelta(days=30)
"""How long it is kept what became of a message."""


def deliver(context: Context, going_on: Callable[[], bool] = lambda: True) -> Sent:
    """Send what is due until `going_on` says no, or the time of a round is over."""
    ends = context.clock.monotonic() + ROUND

    def in_time() -> bool:
        return going_on() and context.clock.monotonic() < ends

    hooks = deliver_webhooks(context, in_time, lease=LEASE, kept=KEPT)
    mail = deliver_mail(context, in_time, lease=LEASE, kept=KEPT)
    return Sent(hooks.delivered + mail.delivered, hooks.failed + mail.failed)
