"""How webhooks and their messages look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.printing import hint, moment, say, table, tell
from registry.presenting.formats import counted, duration

if TYPE_CHECKING:
    from registry.domain.notifications.webhooks import Attempt, Delivery, NewWebhook, Sent, Webhook


def show_new(made: NewWebhook) -> None:
    """A secret, which is shown only once, and how to go on."""
    from rich.text import Text

    say(Text(made.secret, style="bold"))
    tell(f"It is shown only once. It signs what is sent to {made.webhook.url}")
    for one in made.unseen:
        hint(f"No entry of the audit log is {one} so far: check the spelling against forebear audit show")
    hint(f"Try it: forebear webhook test {made.webhook.id}")


def show_webhooks(webhooks: Sequence[Webhook]) -> None:
    """Webhooks, one a line."""
    rows = [
        (
            one.id,
            one.url,
            ", ".join(one.events),
            f"stopped {moment(one.stopped_at)}" if one.stopped_at else "active",
            one.waiting,
            one.dead,
        )
        for one in webhooks
    ]
    columns = ("Webhook", "Address", "Events", "State", "Waiting", "Given up")
    table(columns, rows, empty="There are no webhooks.", drop=("Events",))


def show_attempt(attempt: Attempt) -> None:
    """What came of a message."""
    answered = f"answered {attempt.status} " if attempt.status is not None else "gave no answer "
    if attempt.accepted:
        tell(f"Accepted: the receiver {answered}after {duration(attempt.seconds)}")
    else:
        tell(f"Not accepted. {attempt.problem}")


def show_deliveries(deliveries: Sequence[Delivery]) -> None:
    """Messages, one a line."""
    rows = [
        (
            one.webhook,
            one.entry,
            one.event,
            one.state.value,
            one.attempts,
            moment(one.tried_at) if one.tried_at else "",
            moment(one.next_at) if one.next_at else "",
            one.problem,
        )
        for one in deliveries
    ]
    columns = ("Webhook", "Entry", "Event", "State", "Attempts", "Last tried", "Next try", "Problem")
    table(columns, rows, empty="No message was sent in the last 30 days.", drop=("Webhook", "Last tried"))


def show_sent(sent: Sent) -> None:
    """What a round of sending did, if it did anything."""
    if sent.delivered or sent.failed:
        failed = f", {sent.failed} failed: forebear webhook deliveries" if sent.failed else ""
        tell(f"Sent {counted(sent.delivered, 'notification')}{failed}")
