"""Commands for backups of the whole registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.session import Session, command
from registry.errors import Family

if TYPE_CHECKING:
    from registry.domain.backups import BackupReport

app = typer.Typer(
    name="backup", help="Backups of the whole registry: make, verify and restore them.", no_args_is_help=True
)
FolderArgument = Annotated[Path, typer.Argument(help="The folder of the backup.", metavar="FOLDER", show_default=False)]


@command(app, "create", "forebear backup create /backup/models")
def create(
    session: Session,
    folder: FolderArgument,
    signing_key: Annotated[
        bool,
        typer.Option(
            "--signing-key",
            help="Copy the private key that signs checkpoints of the audit log too. Whoever has it can sign as this "
            "registry; without it, a restored registry makes a new key.",
        ),
    ] = False,
) -> None:
    """Back up the database, all files that it names, and the checkpoints of the audit log, while others work.

    Into a folder that has an earlier backup of this registry only what is new is copied; the earlier backup is replaced
    when the new one is complete. The exit code is 7 when something was missing or damaged in the registry already.
    """
    from registry.cli.views.backup import show_created
    from registry.cli.views.store import Bar

    with Bar(shown=not session.as_json) as bar:
        report = session.registry.backups.create(folder, signing_key=signing_key, watch=bar.show)
    session.answer(report, lambda made: show_created(made, folder))
    _end(report)


@command(app, "verify", "forebear backup verify /backup/models")
def verify(session: Session, folder: FolderArgument) -> None:
    """Read a whole backup: every file, the rows of the database, the audit log. It needs no registry folder.

    The exit code is 7 when the backup is incomplete or was changed, or when the registry was damaged already.
    """
    from registry import bootstrap
    from registry.cli.views.backup import show_verified
    from registry.cli.views.store import Bar

    with Bar(shown=not session.as_json) as bar:
        report = bootstrap.verify_backup(folder, watch=bar.show)
    session.answer(report, show_verified)
    _end(report)


@command(app, "restore", "forebear --home /srv/models backup restore /backup/models")
def restore(session: Session, folder: FolderArgument) -> None:
    """Restore a backup into a new or empty registry folder (--home), and verify it there.

    With FOREBEAR_DATABASE_URL the database goes there; it must be empty. A backup that is incomplete or was changed is
    refused, and nothing is left of it.
    """
    from registry import bootstrap
    from registry.cli.views.backup import show_restored
    from registry.cli.views.store import Bar

    session.refuse_remote()
    home = session.settings.home or Path.cwd() / ".forebear"
    with Bar(shown=not session.as_json) as bar:
        report = bootstrap.restore(folder, home, settings=session.settings, watch=bar.show)
    session.answer(report, lambda done: show_restored(done, home))
    _end(report)


def _end(report: BackupReport) -> None:
    if report.problems or report.backup.faults:
        raise typer.Exit(Family.INTEGRITY.exit_code)
