"""Commands for webhooks."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.notifications.webhooks import DeliveryState

app = typer.Typer(name="webhook", help="Webhooks: what other programs are sent.", no_args_is_help=True)
WebhookArgument = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The id of a webhook, for example whk-01k…")]


@command(
    app,
    "add",
    "forebear webhook add https://hooks.example.org/forebear --on promotion.requested --on 'recall.*'",
    "forebear webhook add https://hooks.example.org/all",
    "forebear webhook add https://lineage.example.org/api/v1/lineage --on openlineage",
)
def add(
    session: Session,
    url: Annotated[str, typer.Argument(metavar="URL", help="The address of the receiver, with https://.")],
    on: Annotated[
        list[str] | None,
        typer.Option(
            "--on",
            help="Actions of the audit log to send: scope.action, 'scope.*', or '*', the default. "
            "openlineage: the OpenLineage events of steps.",
        ),
    ] = None,
) -> None:
    """Send events to an address from now on. The secret that signs the messages is shown only once.

    Each entry of the audit log whose action is named becomes one message, signed as Standard Webhooks says
    (docs/notifications.md). With --on openlineage the receiver is sent the start and end of each step as OpenLineage
    events, and nothing else. Addresses of the own network are refused unless FOREBEAR_WEBHOOK_HOSTS names the host.
    """
    from registry.cli.views.notifications.webhooks import show_new

    session.answer(session.registry.notifications.add_webhook(url, on or ["*"]), show_new)


@command(app, "list", "forebear webhook list")
def list_webhooks(session: Session) -> None:
    """List webhooks, without their secrets, with how many messages wait and how many were given up."""
    from registry.cli.views.notifications.webhooks import show_webhooks

    session.answer(session.registry.notifications.webhooks(), show_webhooks)


@command(app, "remove", "forebear webhook remove whk-01kaq0…")
def remove(session: Session, webhook: WebhookArgument) -> None:
    """Send it nothing more, and forget it with what became of its messages."""
    from registry.cli.printing import tell

    gone = session.registry.notifications.remove_webhook(webhook)
    session.answer(gone, lambda one: tell(f"Removed webhook {one.id} to {one.url}"))


@command(app, "test", "forebear webhook test whk-01kaq0…")
def test(session: Session, webhook: WebhookArgument) -> None:
    """Send a message of the type webhook.test now. The exit code is 8 if it was not accepted."""
    from registry.cli.views.notifications.webhooks import show_attempt
    from registry.errors import Family

    attempt = session.registry.notifications.test_webhook(webhook)
    session.answer(attempt, show_attempt)
    if not attempt.accepted:
        raise typer.Exit(Family.UNAVAILABLE.exit_code)


@command(app, "resume", "forebear webhook resume whk-01kaq0…")
def resume(session: Session, webhook: WebhookArgument) -> None:
    """Try again what was given up; one that was stopped is sent again what happens from now on."""
    from registry.cli.printing import tell

    resumed = session.registry.notifications.resume_webhook(webhook)
    session.answer(resumed, lambda one: tell(f"Webhook {one.id} is sent messages; {one.waiting} wait"))


@command(app, "deliveries", "forebear webhook deliveries", "forebear webhook deliveries whk-01kaq0… --state dead")
def deliveries(
    session: Session,
    webhook: Annotated[str | None, typer.Argument(metavar="[WEBHOOK]", help="Only the messages of this one.")] = None,
    state: Annotated[
        DeliveryState | None, typer.Option("--state", help="Only those that are so.", show_default=False)
    ] = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List what became of the messages of the last 30 days, newest first."""
    from registry.cli.views.notifications.webhooks import show_deliveries

    found = session.registry.notifications.deliveries(webhook, state=state, page=parsing.paged(limit, cursor))
    session.answer_page(found, show_deliveries)
