"""Commands for the stored files of all versions: verify them, repair them, and free what nothing needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.session import Session, command
from registry.errors import Family

if TYPE_CHECKING:
    from registry.domain.objects import CheckReport

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


@command(app, "repair", "forebear store repair --from /backup/2026-11-27")
def repair(
    session: Session,
    source: Annotated[
        Path, typer.Option("--from", help="A folder with copies: a backup, or a version that was pulled.")
    ],
) -> None:
    """Restore damaged versions from files in a folder that have the right content, whatever their names."""
    from registry.cli.views.store import show_repair

    report = session.registry.store.repair(source)
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


def _end(report: CheckReport) -> None:
    if report.damage:
        raise typer.Exit(Family.INTEGRITY.exit_code)
