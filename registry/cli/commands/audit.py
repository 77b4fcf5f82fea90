"""Commands for the audit log: read it, verify its chain, export it."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.audit import AuditReport
from registry.domain.text import read_day

app = typer.Typer(name="audit", help="The log of every change, protected by a chain of hashes.", no_args_is_help=True)


@command(
    app,
    "show",
    "forebear audit show --person ana --since 2026-11-01",
    "forebear audit show --subject models:/vision/digits/2",
)
def show(
    session: Session,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only entries about this reference or id.", show_default=False)
    ] = None,
    action: Annotated[
        str | None,
        typer.Option(
            "--action", help="Only entries with this action, for example promotion.approved.", show_default=False
        ),
    ] = None,
    person: Annotated[
        str | None, typer.Option("--person", help="Only entries of this person.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DAY", help="From this day on (YYYY-MM-DD, UTC).", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="Up to and including this day.", show_default=False)
    ] = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List the entries of the audit log, newest first."""
    from registry.cli.views.catalog import show_history

    page = session.registry.audit.search(
        subject=subject,
        action=action,
        actor=person,
        since=read_day(since, "--since"),
        until=read_day(until, "--until", after=1),
        page=parsing.paged(limit, cursor),
    )
    session.answer_page(page, show_history)


@command(app, "verify", "forebear audit verify", "forebear audit verify --state")
def verify(
    session: Session,
    state: Annotated[
        bool,
        typer.Option("--state", help="Also compare stages, statuses, aliases, roles and votes with what the log says."),
    ] = False,
) -> None:
    """Verify the whole chain; if it is broken, name the first entry that does not verify."""
    from registry.cli.printing import tell
    from registry.errors import AuditBrokenError

    report = session.registry.audit.verify(state=state)
    if not report.intact:
        raise AuditBrokenError(
            f"The audit log does not verify: {report.reason}",
            remedy="The entries before it are intact; compare the log with a backup",
            facts={"entries": report.entries, "first_bad": report.first_bad, "head": str(report.head)},
        )
    if report.differences:
        raise AuditBrokenError(
            f"The database differs from the audit log: {'; '.join(report.differences)}",
            remedy="Somebody changed it without Forebear; the log says what it was",
            facts={"differences": list(report.differences)},
        )

    def view(found: AuditReport) -> None:
        tell(f"All {found.entries} entries are intact; the head of the chain is {found.head}")
        if state:
            tell("Stages, statuses, aliases, roles, requests and votes are what the log says")
        for warning in found.warnings:
            tell(f"Warning: {warning}")

    session.answer(report, view)


@command(app, "export", "forebear audit export > audit.jsonl")
def export(session: Session) -> None:
    """Write all entries with their hashes as JSON lines, whatever --output says, to keep a copy elsewhere."""
    from registry.cli.streams import write_document

    for chunk in session.registry.audit.export():
        write_document(chunk.decode())
