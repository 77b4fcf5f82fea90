"""Commands of promotion: ask for it, see what is missing, vote."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.governance.promotion import RequestState

app = typer.Typer(name="promote", help="Promotion of a model version to a stage.", no_args_is_help=True)
RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="Its id, as req-01k…")]
CommentOption = Annotated[str, typer.Option("--comment", "-m", help="Why.", show_default=False)]


@command(app, "request", "forebear promote request models:/vision/digits/2 --to production -m 'better than 1'")
def request(
    session: Session,
    model: parsing.ModelArgument,
    to: Annotated[str, typer.Option("--to", metavar="STAGE", help="A stage of the policy.", show_default=False)],
    comment: CommentOption = "",
) -> None:
    """Ask that a version be promoted. The policy in force is frozen into the request."""
    from registry.cli.views.governance import show_request

    asked = session.registry.promotions.request(parsing.model(model), to, comment=comment)
    session.answer(asked, show_request)


@command(app, "show", "forebear promote show req-01kaq0…")
def show(session: Session, request: RequestArgument) -> None:
    """Show a request: the verdict as of now with every reason, the votes, the evidence."""
    from registry.cli.views.governance import show_request

    session.answer(session.registry.promotions.request_detail(request), show_request)


@command(app, "approve", "forebear --as ana promote approve req-01kaq0… -m 'checked on our own digits'")
def approve(session: Session, request: RequestArgument, comment: CommentOption = "") -> None:
    """Vote for. When nothing is missing any more, the version is promoted at once."""
    from registry.cli.views.governance import show_request

    session.answer(session.registry.promotions.approve(request, comment=comment), show_request)


@command(app, "reject", "forebear promote reject req-01kaq0… -m 'fails on slanted sevens'")
def reject(session: Session, request: RequestArgument, comment: CommentOption) -> None:
    """Vote against, and close the request. The comment is needed."""
    from registry.cli.views.governance import show_request

    session.answer(session.registry.promotions.reject(request, comment=comment), show_request)


@command(app, "withdraw", "forebear promote withdraw req-01kaq0…")
def withdraw(session: Session, request: RequestArgument) -> None:
    """Take back a request of one's own."""
    from registry.cli.views.governance import show_request

    session.answer(session.registry.promotions.withdraw(request), show_request)


@command(app, "list", "forebear promote list --state open", "forebear promote list --model vision/digits")
def list_(
    session: Session,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Of this model only.", show_default=False)
    ] = None,
    state: Annotated[RequestState | None, typer.Option("--state", help="In this state.", show_default=False)] = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List requests, newest first."""
    from registry.cli.views.governance import show_requests

    page = session.registry.promotions.requests(
        name=parsing.named(model) if model else None, state=state, page=parsing.paged(limit, cursor)
    )
    session.answer_page(page, show_requests)
