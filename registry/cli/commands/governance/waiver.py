"""Commands for waivers: a version is excepted from one gate of the policy, for a time."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command

app = typer.Typer(
    name="waiver", help="Waivers: a version is excepted from one gate of the policy, for a time.", no_args_is_help=True
)
WaiverArgument = Annotated[str, typer.Argument(metavar="WAIVER", help="The id of the waiver, for example wai-01k…")]
CommentOption = Annotated[str, typer.Option("--comment", "-m", help="Why.", show_default=False)]


@command(
    app,
    "request",
    "forebear waiver request models:/vision/digits/2 no-worse --until 2027-01-31 --reason 'the test set is mended'",
)
def request(
    session: Session,
    model: parsing.ModelArgument,
    gate: Annotated[str, typer.Argument(metavar="GATE", help="The id of the gate, as the policy names it.")],
    until: Annotated[
        str, typer.Option("--until", metavar="DAY", help="Its last day, as YYYY-MM-DD.", show_default=False)
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why the version may pass without it.", show_default=False)],
) -> None:
    """Ask that a version is excepted from a gate. It is in force once as many people agree as the policy says."""
    from registry.cli.views.governance.reviews import show_waiver
    from registry.domain.governance.reviews.waivers import NewWaiver

    asked = session.registry.reviews.ask_for_waiver(parsing.model(model), NewWaiver(gate, reason, until))
    session.answer(asked, show_waiver)


@command(app, "approve", "forebear --as carla waiver approve wai-01kaq0… -m 'until the test set is mended'")
def approve(session: Session, waiver: WaiverArgument, comment: CommentOption = "") -> None:
    """Agree to a waiver. Who made the version or asked for the waiver cannot."""
    from registry.cli.views.governance.reviews import show_waiver

    session.answer(session.registry.reviews.approve_waiver(waiver, comment=comment), show_waiver)


@command(app, "end", "forebear --as carla waiver end wai-01kaq0… -m 'the test set is mended'")
def end(session: Session, waiver: WaiverArgument, comment: CommentOption) -> None:
    """End a waiver at once: who asked for it, who can approve it, or an admin."""
    from registry.cli.views.governance.reviews import show_waiver

    session.answer(session.registry.reviews.end_waiver(waiver, comment=comment), show_waiver)


@command(app, "list", "forebear waiver list", "forebear waiver list models:/vision/digits/2")
def list_(
    session: Session,
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Of this version and its ancestors.", show_default=False)
    ] = None,
) -> None:
    """List waivers: of a version, with those that its ancestors carry; or all that are asked for or in force."""
    from registry.cli.views.governance.reviews import show_waivers

    session.answer(session.registry.reviews.waivers(parsing.model(model) if model else None), show_waivers)
