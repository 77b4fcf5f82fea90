"""Commands for findings: what has to be put right about a version, and by when."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.governance.reviews.findings import FindingState, Severity
from registry.domain.names import Reference

app = typer.Typer(
    name="finding", help="Findings: what has to be put right about a version, and by when.", no_args_is_help=True
)
VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version, as models:/team/name/3 or datasets:/team/name/1.")
]


@command(
    app,
    "add",
    "forebear finding add models:/vision/digits/2 'slanted sevens are read as ones' --severity high --owner ana "
    "--due 2027-01-31",
)
def add(
    session: Session,
    version: VersionArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What has to be put right.")],
    severity: Annotated[Severity, typer.Option("--severity", help="How much it matters.", show_default=False)],
    owner: Annotated[
        str, typer.Option("--owner", metavar="PERSON", help="Who has to put it right.", show_default=False)
    ],
    due: Annotated[
        str, typer.Option("--due", metavar="DAY", help="The last day to do so, as YYYY-MM-DD.", show_default=False)
    ],
    request: Annotated[
        str | None,
        typer.Option(
            "--request", metavar="REQUEST", help="The promotion request that it is about.", show_default=False
        ),
    ] = None,
) -> None:
    """Raise a finding about a version. Policies can ask that none is open (findings.open.high == 0)."""
    from registry.cli.views.governance.reviews import show_finding
    from registry.domain.governance.reviews.findings import NewFinding

    wish = NewFinding(text, severity, owner, due, request)
    session.answer(session.registry.reviews.add_finding(Reference.parse(version), wish), show_finding)


@command(app, "list", "forebear finding list models:/vision/digits/2", "forebear finding list --owner ana --state open")
def list_(
    session: Session,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Only findings about this version.", show_default=False)
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="PERSON", help="Only findings that this person owns.", show_default=False),
    ] = None,
    state: Annotated[
        FindingState | None, typer.Option("--state", help="Only findings in this state.", show_default=False)
    ] = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List findings, newest first."""
    from registry.cli.views.governance.reviews import show_findings

    page = session.registry.reviews.findings(
        reference=Reference.parse(version) if version else None,
        owner=owner,
        state=state,
        page=parsing.paged(limit, cursor),
    )
    session.answer_page(page, show_findings)


@command(app, "resolve", "forebear --as ben finding resolve fnd-01kaq0… -m 'retrained with slanted digits'")
def resolve(
    session: Session,
    finding: Annotated[str, typer.Argument(metavar="FINDING", help="The id of the finding, for example fnd-01k…")],
    comment: Annotated[str, typer.Option("--comment", "-m", help="What was done.", show_default=False)],
) -> None:
    """Say that a finding was put right: who raised it does, or somebody whose role decides and who did not make it."""
    from registry.cli.views.governance.reviews import show_finding

    session.answer(session.registry.reviews.resolve_finding(finding, comment=comment), show_finding)
