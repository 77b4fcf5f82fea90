"""Commands of promotion: request it, see what is missing, vote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.governance.promotion import RequestState

if TYPE_CHECKING:
    from registry.domain.governance.promotion import RequestDetail
    from registry.domain.governance.reviews.findings import NewFinding

app = typer.Typer(
    name="promote", help="Requests to promote a model version to a stage, and the votes on them.", no_args_is_help=True
)
RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="The id of the request, for example req-01k…")]
CommentOption = Annotated[
    str, typer.Option("--comment", "-m", help="A comment, shown with the request.", show_default=False)
]


@command(app, "request", "forebear promote request models:/vision/digits/2 --to production -m 'better than 1'")
def request(
    session: Session,
    model: parsing.ModelArgument,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="STAGE", help="The stage to promote to, as the policy names it.", show_default=False
        ),
    ],
    comment: CommentOption = "",
) -> None:
    """Request the promotion of a version. The policy that is in force now applies to it until it is closed."""
    from registry.cli.views.governance.promotions import show_request

    opened = session.registry.promotions.request(parsing.model(model), to, comment=comment)
    session.answer(opened, show_request)


@command(app, "show", "forebear promote show req-01kaq0…")
def show(session: Session, request: RequestArgument) -> None:
    """Show a request: what is still missing, the votes and the evidence."""
    from registry.cli.views.governance.promotions import show_request

    session.answer(session.registry.promotions.request_detail(request), show_request)


@command(app, "statement", "forebear promote statement req-01kaq0… > verdict.json")
def statement(session: Session, request: RequestArgument) -> None:
    """Print what a promotion found out about its version, signed, for tools that check attestations.

    The output is an in-toto statement (Simple Verification Result 0.2) about the version and each of its files, in a
    DSSE envelope that the key of the audit log signs. What a waiver or an emergency passed over is not named.
    """
    session.write_json(session.registry.reports.statement(request))


@command(
    app,
    "approve",
    "forebear --as ana promote approve req-01kaq0… -m 'checked on our own digits'",
    "forebear promote approve req-01kaq0… --sign ~/.forebear-key.pem",
    "forebear --as ana promote approve req-01kaq0… --condition dora:2027-01-31:medium:'retrain with slanted sevens'",
)
def approve(
    session: Session,
    request: RequestArgument,
    comment: CommentOption = "",
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition",
            metavar="OWNER:DAY:SEVERITY:TEXT",
            help="A finding that the approval depends on; OWNER resolves it by DAY, or the approval is revoked.",
            show_default=False,
        ),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option("--sign", metavar="KEYFILE", help="Sign it with this private key of yours.", show_default=False),
    ] = None,
) -> None:
    """Approve a request. If nothing else is missing, the version is promoted at once.

    With --sign, the approval is signed here and the private key stays here; forebear person key FILE registers one.
    """
    from registry.cli.views.governance.promotions import show_request

    conditions = [_condition(text) for text in condition or ()]
    promotions = session.registry.promotions
    signature = _signed(promotions.request_detail(request), sign, conditions) if sign is not None else ""
    done = promotions.approve(request, comment=comment, conditions=conditions, signature=signature)
    session.answer(done, show_request)


def _signed(detail: RequestDetail, file: Path, conditions: Sequence[NewFinding]) -> str:
    """The signature over what the request is judged on now, and over the conditions. Raises: InvalidError."""
    from registry.cli.keys import read_key
    from registry.domain.governance.signing import approval_text
    from registry.domain.people.keys import public_key, sign

    pem, summary = read_key(file), detail.summary
    text = approval_text(summary.id, str(summary.ref), summary.to_stage, detail.bound, public_key(pem), conditions)
    return sign(pem, text)


def _condition(text: str) -> NewFinding:
    """`OWNER:DAY:SEVERITY:TEXT` as a finding. Raises: UsageError."""
    from registry.domain.governance.reviews.findings import NewFinding, Severity
    from registry.domain.text import did_you_mean
    from registry.errors import UsageError

    owner, day, severity, words = (text.split(":", 3) + [""] * 3)[:4]
    if severity not in set(Severity) or not words:
        hint = did_you_mean(severity, Severity) if words else ""
        raise UsageError(
            f"{text[:80]!r} is not a condition{hint}",
            remedy="Write OWNER:DAY:SEVERITY:TEXT, for example ana:2027-01-31:medium:'retrain'",
        )
    return NewFinding(words, Severity(severity), owner, day)


@command(app, "reject", "forebear promote reject req-01kaq0… -m 'fails on slanted sevens'")
def reject(session: Session, request: RequestArgument, comment: CommentOption) -> None:
    """Reject and close a request. A comment is required."""
    from registry.cli.views.governance.promotions import show_request

    session.answer(session.registry.promotions.reject(request, comment=comment), show_request)


@command(app, "veto", "forebear --as vera promote veto req-01kaq0… -m 'the training data is in dispute'")
def veto(session: Session, request: RequestArgument, comment: CommentOption) -> None:
    """Block a request, where its policy has vetoes. It stays open until the veto is overruled or taken back."""
    from registry.cli.views.governance.promotions import show_request

    session.answer(session.registry.promotions.veto(request, comment=comment), show_request)


@command(app, "complete", "forebear promote complete req-01kaq0…")
def complete(session: Session, request: RequestArgument) -> None:
    """Promote a version that has all its approvals, once the cooling-off time of its policy has passed."""
    from registry.cli.views.governance.promotions import show_request

    session.answer(session.registry.promotions.complete(request), show_request)


@command(app, "overrule", "forebear --as carla promote overrule req-01kaq0… -m 'the slanted sevens were mislabelled'")
def overrule(session: Session, request: RequestArgument, comment: CommentOption) -> None:
    """Overrule the rejection or the veto of a request, or take your own back. A comment is required."""
    from registry.cli.views.governance.promotions import show_request

    session.answer(session.registry.promotions.overrule(request, comment=comment), show_request)


@command(
    app,
    "rollback",
    "forebear --as carla promote rollback models:/vision/digits -m 'version 3 fails on slanted sevens'",
    "forebear --as carla promote rollback models:/vision/digits/1 -m 'version 3 fails on slanted sevens'",
)
def rollback(session: Session, model: parsing.ModelArgument, comment: CommentOption) -> None:
    """Go back to a version that was approved before, without votes; of a model without a number, to the one before.

    Who could approve a promotion to its stage may do so. A comment is required.
    """
    from registry.cli.views.governance.promotions import show_request

    session.answer(session.registry.reviews.roll_back(parsing.model(model), comment=comment), show_request)


@command(app, "withdraw", "forebear promote withdraw req-01kaq0…")
def withdraw(session: Session, request: RequestArgument) -> None:
    """Withdraw your own request; an admin can withdraw any."""
    from registry.cli.views.governance.promotions import show_request

    session.answer(session.registry.promotions.withdraw(request), show_request)


@command(app, "list", "forebear promote list --state open", "forebear promote list --model vision/digits")
def list_(
    session: Session,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Only requests about this model.", show_default=False)
    ] = None,
    state: Annotated[
        RequestState | None, typer.Option("--state", help="Only requests in this state.", show_default=False)
    ] = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List promotion requests, newest first."""
    from registry.cli.views.governance.promotions import show_requests

    page = session.registry.promotions.requests(
        name=parsing.named(model) if model else None, state=state, page=parsing.paged(limit, cursor)
    )
    session.answer_page(page, show_requests)
