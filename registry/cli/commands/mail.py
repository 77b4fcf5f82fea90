"""Commands for e-mail."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.notifications.webhooks import DeliveryState
from registry.errors import UsageError

app = typer.Typer(name="mail", help="E-mail: who is told where of what waits for them.", no_args_is_help=True)
PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="A handle, for example ana.")]


@command(
    app,
    "address",
    "forebear mail address ana ana@example.org",
    "forebear mail address ana",
    "forebear mail address ana --remove",
)
def address(
    session: Session,
    person: PersonArgument,
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="The address to set.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Tell the person nothing more.")] = False,
) -> None:
    """Show or set where a person is told by e-mail of what waits for them.

    Everybody sets their own, and admins that of others. It is in no entry of the audit log, and goes when it is removed
    or the person is erased.
    """
    from registry.cli.views.notifications.mail import show_address

    if address is not None and remove:
        raise UsageError("Give an address or --remove, not both")
    verbs = session.registry.notifications
    found = verbs.address(person) if address is None and not remove else verbs.set_address(person, address or "")
    session.answer(found, show_address)


@command(app, "test", "forebear mail test ana")
def test(session: Session, person: PersonArgument) -> None:
    """Send a person a message now, to try it. The exit code is 8 if the mail server did not accept it."""
    from registry.cli.views.notifications.mail import show_attempt
    from registry.errors import Family

    attempt = session.registry.notifications.test_mail(person)
    session.answer(attempt, show_attempt)
    if not attempt.accepted:
        raise typer.Exit(Family.UNAVAILABLE.exit_code)


@command(app, "list", "forebear mail list", "forebear mail list ana --state dead")
def list_mails(
    session: Session,
    person: Annotated[str | None, typer.Argument(metavar="[PERSON]", help="Only what went to this person.")] = None,
    state: Annotated[
        DeliveryState | None, typer.Option("--state", help="Only those that are so.", show_default=False)
    ] = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List what became of the e-mail of the last 30 days, newest first; without a person, for admins."""
    from registry.cli.views.notifications.mail import show_mails

    found = session.registry.notifications.mails(person, state=state, page=parsing.paged(limit, cursor))
    session.answer_page(found, show_mails)
