"""Commands for emergencies: promote without votes, and review that afterwards."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command

app = typer.Typer(
    name="emergency", help="Promotions without votes in an emergency, and their reviews.", no_args_is_help=True
)


@command(
    app,
    "promote",
    "forebear emergency promote models:/vision/digits/4 --to production --incident INC-7 --reason 'version 3 is down'",
)
def promote(
    session: Session,
    model: parsing.ModelArgument,
    to: Annotated[str, typer.Option("--to", metavar="STAGE", help="The stage to promote to.", show_default=False)],
    incident: Annotated[
        str, typer.Option("--incident", metavar="ID", help="The id of the incident.", show_default=False)
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why it cannot wait for votes.", show_default=False)],
) -> None:
    """Promote without votes; a token of yours is asked for. Gates that are not waivable hold all the same.

    Where the policy asks for several people, it takes effect when they agree: forebear emergency agree. The version is
    suspended unless people review it in time.
    """
    from registry.cli.views.governance.promotions import show_request

    token = typer.prompt("One of your tokens", hide_input=True, err=True)
    done = session.registry.reviews.promote_in_emergency(
        parsing.model(model), to, incident=incident, reason=reason, token=token
    )
    session.answer(done, show_request)


@command(app, "agree", "forebear --as dora emergency agree emg-01kaq0… -m 'I saw it fail too'")
def agree(
    session: Session,
    emergency: Annotated[str, typer.Argument(metavar="EMERGENCY", help="Its id, for example emg-01k…")],
    comment: Annotated[str, typer.Option("--comment", "-m", help="Why you agree.", show_default=False)] = "",
) -> None:
    """Agree that a waiting emergency takes effect; a token of yours is asked for. Each person counts once."""
    from registry.cli.views.governance.promotions import show_request

    token = typer.prompt("One of your tokens", hide_input=True, err=True)
    done = session.registry.reviews.agree_to_emergency(emergency, comment=comment, token=token)
    session.answer(done, show_request)


@command(app, "review", "forebear --as vera emergency review emg-01kaq0… -m 'it was the right thing to do'")
def review(
    session: Session,
    emergency: Annotated[str, typer.Argument(metavar="EMERGENCY", help="Its id, for example emg-01k…")],
    comment: Annotated[str, typer.Option("--comment", "-m", help="What you found.", show_default=False)],
) -> None:
    """Agree with an emergency afterwards. Who declared it or made the version cannot."""
    from registry.cli.views.governance.reviews import show_emergencies

    reviewed = session.registry.reviews.review_emergency(emergency, comment=comment)
    session.answer(reviewed, lambda one: show_emergencies([one]))


@command(app, "list", "forebear emergency list", "forebear emergency list models:/vision/digits/4")
def list_(
    session: Session,
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Only of this version.", show_default=False)
    ] = None,
) -> None:
    """List emergencies, oldest first, with who has reviewed them."""
    from registry.cli.views.governance.reviews import show_emergencies

    session.answer(session.registry.reviews.emergencies(parsing.model(model) if model else None), show_emergencies)
