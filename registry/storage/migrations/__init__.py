"""Migrations, shipped inside the package: Alembic finds them here on every machine."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration without an ini file; `connection` is used by `env.py` as it is."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection, revision: str) -> None:
    """Run the migrations up to `revision` within the transaction of `connection`; the caller commits."""
    command.upgrade(config(connection), revision)
