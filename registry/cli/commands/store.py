"""Commands for the stored files of all versions: verify them, repair them, and free what nothing needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.session import Session, command
from registry.errors import Family

if TYPE_CHECKING:
    from registry.domain.objects import CheckReport, RepairReport

app = typer.Typer(
    name="store", help="The stored files of all versions: verify, repair and free them.", no_args_is_help=True
)
MIB = 1024**2


@command(app, "verify", "forebear store verify", "forebear store verify --rate 50 --seconds 3600")
def verify(
    session: Session,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin again, instead of continuing a check that was stopped.")
    ] = False,
    rate: Annotated[
        int | None, typer.Option("--rate", help="Read at most this many MiB per second.", min=1, show_default=False)
    ] = None,
    seconds: Annotated[
        int | None,
        typer.Option("--seconds", help="Stop after this time; the next call continues.", min=1, show_default=False),
    ] = None,
) -> None:
    """Read every stored file and mark versions with missing or changed ones as damaged.

    A damaged version cannot be pulled, served, used in a transfer or promoted until it is restored. The exit code is 7
    when there is damage.
    """
    from registry.cli.views.store import Bar, show_check

    with Bar(shown=not session.as_json) as bar:
        report = session.registry.store.verify(
            restart=restart, rate=rate * MIB if rate is not None else None, seconds=seconds, watch=bar.show
        )
    session.answer(report, show_check)
    _end(report)


@command(app, "status", "forebear store status")
def status(session: Session) -> None:
    """Show the last check of the stored files, and what is damaged. The exit code is 7 when there is damage."""
    from registry.cli.views.store import show_last

    report = session.registry.store.last_check()
    session.answer(report, show_last)
    if report is not None:
        _end(report)


@command(
    app,
    "repair",
    "forebear store repair --from /backup/2026-11-27",
    "forebear store repair --from https://models.example.com",
)
def repair(
    session: Session,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="A folder with copies: a backup, or a version that was pulled. Or the server of a registry that has "
            "the same versions: its address, or its name in forebear remote list.",
        ),
    ],
) -> None:
    """Restore damaged versions from files that have the right content, in a folder (whatever their names) or on the
    server of another registry, which you have signed in to.
    """
    from registry.cli.views.store import show_repair

    report = _repaired(session, source)
    session.answer(report, show_repair)
    if report.damage:
        raise typer.Exit(Family.INTEGRITY.exit_code)


@command(app, "gc", "forebear store gc", "forebear store gc --delete")
def gc(
    session: Session,
    delete: Annotated[bool, typer.Option("--delete", help="Remove the objects; without it they are counted.")] = False,
    grace: Annotated[int, typer.Option("--grace", help="Keep what was stored in the last so many hours.", min=0)] = 24,
) -> None:
    """Free the space of stored files that nothing needs: of deleted versions, and of adds that failed.

    Kept are the files of all versions that are not deleted, of evidence, of decisions and answers of baselines, and of
    the inputs of transfer steps that can still run.
    """
    from datetime import timedelta

    from registry.cli.views.store import show_collected

    report = session.registry.store.collect(grace=timedelta(hours=grace), delete=delete)
    session.answer(report, show_collected)


@command(app, "stats", "forebear store stats")
def stats(session: Session) -> None:
    """Show how much is stored, and which models and datasets need it."""
    from registry.cli.views.store import show_stats

    session.answer(session.registry.store.stats(), show_stats)


def _repaired(session: Session, source: str) -> RepairReport:
    from registry.client.choosing import Remote, named_server
    from registry.client.copies import fetch_copies
    from registry.files import private_folder

    server: Remote | None = named_server(source)
    store = session.registry.store
    if server is None or session.server is not None:
        return store.repair(Path(source))
    last = store.last_check()
    with (
        private_folder(session.home / "work", "repair-") as folder,
        server.connect(session.settings) as other,
    ):
        fetch_copies(other, last.damage if last is not None else (), folder)
        return store.repair(folder, origin=server.url)


def _end(report: CheckReport) -> None:
    if report.damage:
        raise typer.Exit(Family.INTEGRITY.exit_code)
