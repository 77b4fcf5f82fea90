"""Commands for the audit log: read it, verify its chain, export it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.text import read_day
from registry.errors import AuditBrokenError, UsageError

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


@command(
    app,
    "verify",
    "forebear audit verify",
    "forebear audit verify --state",
    "forebear audit verify audit.jsonl --checkpoint checkpoints.txt --pubkey public-keys.txt",
)
def verify(
    session: Session,
    export: Annotated[
        Path | None,
        typer.Argument(help="An export to verify instead, without a registry.", metavar="[EXPORT]", show_default=False),
    ] = None,
    state: Annotated[
        bool,
        typer.Option(
            "--state", help="Also compare stages, statuses, aliases, roles, votes and teams with what the log says."
        ),
    ] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="Signed checkpoints of the export.", show_default=False),
    ] = None,
    pubkey: Annotated[
        Path | None,
        typer.Option(
            "--pubkey", metavar="FILE", help="Public keys that checkpoints are signed with.", show_default=False
        ),
    ] = None,
) -> None:
    """Verify the whole log and its signed checkpoints; if it is broken, name the first entry that does not verify.

    An export is verified without a registry, against checkpoints and public keys that were kept elsewhere.
    """
    from registry.cli.views.audit import show_verified

    if export is not None:
        from registry.cli.views.audit import verify_export

        if state:
            raise UsageError("--state compares the database of a registry", remedy="Leave out the export or --state")
        report = verify_export(export, checkpoint, pubkey)
    else:
        if checkpoint or pubkey:
            raise UsageError(
                "--checkpoint and --pubkey verify an export", remedy="Run: forebear audit export --into FOLDER"
            )
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
    session.answer(report, lambda found: show_verified(found, state=state))


@command(app, "export", "forebear audit export > audit.jsonl", "forebear audit export --into /mnt/elsewhere/audit")
def export(
    session: Session,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            metavar="FOLDER",
            help="A new folder for the log, its checkpoints, the public keys and a program that verifies them.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write all entries with their hashes as JSON lines, whatever --output says, to keep a copy elsewhere."""
    if into is not None:
        from registry.cli.views.audit import write_copy

        session.done(write_copy(session.registry.audit, into))
        return
    from registry.cli.streams import write_document

    for chunk in session.registry.audit.export():
        write_document(chunk.decode())


@command(app, "checkpoint", "forebear audit checkpoint", "forebear audit checkpoint --list")
def checkpoint(
    session: Session,
    listed: Annotated[bool, typer.Option("--list", help="List the checkpoints that there are instead.")] = False,
) -> None:
    """Sign the log as it is now, under one root hash, and write that where FOREBEAR_CHECKPOINT_ANCHORS says.

    Checkpoints are also signed by themselves: after each promotion, every 1,000 entries, and with the next change after
    5 minutes (FOREBEAR_CHECKPOINT_ENTRIES, FOREBEAR_CHECKPOINT_MINUTES). Where FOREBEAR_TIMESTAMP_URL names a timestamp
    authority, it is asked about the checkpoint.
    """
    from registry.cli.streams import write_document
    from registry.cli.views.audit import show_checkpoints

    if listed:
        session.answer(session.registry.audit.checkpoints(), show_checkpoints)
    else:
        session.answer(session.registry.audit.checkpoint(), lambda one: write_document(one.note))


@command(app, "prove", "forebear audit prove 12 > proof.json", "forebear audit prove --since 1000 > proof.json")
def prove(
    session: Session,
    seq: Annotated[
        int | None, typer.Argument(help="The number of an entry.", metavar="[SEQ]", show_default=False)
    ] = None,
    since: Annotated[
        int | None,
        typer.Option(
            "--since",
            metavar="ENTRIES",
            help="Prove instead that nothing changed since the checkpoint of so many entries.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a short proof, as JSON, that an entry is in the log of the last checkpoint.

    It holds the entry and the signed checkpoint, and shows nothing else of the log. verify.py of an export checks it.
    """
    session.write_json(session.registry.audit.prove(seq, since=since))


@command(app, "rotate-key", "forebear audit rotate-key")
def rotate_key(session: Session) -> None:
    """Sign with a new key from now on; the log has both public keys, and the former one checks what it signed."""
    from registry.cli.printing import tell

    session.answer(session.registry.audit.rotate_key(), lambda key: tell(f"Checkpoints are now signed with {key}"))
