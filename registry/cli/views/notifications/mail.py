"""How e-mail looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.printing import hint, moment, table, tell

if TYPE_CHECKING:
    from registry.domain.notifications.mail import Mail, MailAddress
    from registry.domain.notifications.webhooks import Attempt


def show_address(found: MailAddress) -> None:
    """Where a person is told."""
    tell(f"{found.person} is told at {found.address}" if found.address else f"{found.person} has no address")
    if found.address and not found.enabled:
        hint("This registry sends no e-mail yet: the setting FOREBEAR_SMTP_URL names a mail server")


def show_attempt(attempt: Attempt) -> None:
    """What came of a message."""
    tell("The mail server accepted it" if attempt.accepted else f"Not accepted. {attempt.problem}")


def show_mails(mails: Sequence[Mail]) -> None:
    """Messages, one a line."""
    rows = [
        (
            one.person,
            one.subject,
            one.state.value,
            one.attempts,
            moment(one.tried_at) if one.tried_at else "",
            moment(one.next_at) if one.next_at else "",
            one.problem,
        )
        for one in mails
    ]
    columns = ("Person", "Subject", "State", "Attempts", "Last tried", "Next try", "Problem")
    table(columns, rows, empty="No e-mail was sent in the last 30 days.", drop=("Last tried", "Attempts"))
