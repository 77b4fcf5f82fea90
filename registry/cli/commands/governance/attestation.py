"""Commands for approvals that last for a time."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command

app = typer.Typer(
    name="attestation", help="Approvals that last for a time, and what ends them early.", no_args_is_help=True
)


@command(app, "list", "forebear attestation list", "forebear attestation list models:/vision/digits/4")
def list_(
    session: Session,
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Only of this version.", show_default=False)
    ] = None,
) -> None:
    """List until when approvals last, those that end first at the top."""
    from registry.cli.views.governance.reviews import show_attestations

    held = session.registry.reviews.attestations(parsing.model(model) if model else None)
    session.answer(held, show_attestations)


@command(
    app,
    "report",
    "forebear attestation report models:/vision/digits/4 --trigger drift_alert --reason 'the inputs have moved'",
)
def report(
    session: Session,
    model: parsing.ModelArgument,
    trigger: Annotated[
        str, typer.Option("--trigger", metavar="TRIGGER", help="drift_alert or licence_changed.", show_default=False)
    ],
    reason: Annotated[str, typer.Option("--reason", help="What was seen, and where.", show_default=False)],
) -> None:
    """Report a drift, or a changed licence: a new approval is due at once where the policy of the version says so.

    A changed licence reaches everything that was made from the version too.
    """
    from registry.cli.views.governance.reviews import show_attestations

    reached = session.registry.reviews.report_for_attestation(parsing.model(model), trigger, reason=reason)
    session.answer(reached, show_attestations)
