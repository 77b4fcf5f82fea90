"""What tests of backups share."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

from registry.domain.backups import BackupReport
from registry.services.backups.creating import Backups
from registry.settings import Settings
from tests.registry.services.teams import Team

NOW = timedelta(0)
OFF = Settings(mlflow_uri="off")


def create(team: Team, folder: Path, **more: Any) -> BackupReport:
    return Backups(team.context("root")).create(folder, **more)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def cut_log(connection: sqlite3.Connection) -> None:
    """Take the newest entry away, as somebody with the database in hand would."""
    for table in ("audit_entry", "audit_index"):
        connection.execute(f"DROP TRIGGER {table}_delete")
        connection.execute(f"DELETE FROM {table} WHERE seq = (SELECT max(seq) FROM {table})")
