"""Alembic's environment: the same for the program, for tests and for a developer's `alembic` command."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from registry.settings import Settings
from registry.storage.sql.engines import begin_migrating, make_engine
from registry.storage.tables import metadata
from registry.storage.tables.listing import FULL_TEXT


def run(connection: Connection) -> None:
    """Migrate in the transaction of `connection`: all of it or nothing, on SQLite too."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        transactional_ddl=True,
        include_name=lambda name, _kind, _parents: not (name or "").startswith(FULL_TEXT),
    )
    context.run_migrations()


def run_for_developer() -> None:
    """For `alembic upgrade head` and the like: on FOREBEAR_DATABASE_URL, or the URL in alembic.ini."""
    url = Settings.from_environment().database_url or context.config.get_main_option("sqlalchemy.url") or ""
    engine = make_engine(url)
    connection = begin_migrating(engine)
    try:
        run(connection)
        connection.commit()
    finally:
        connection.close()
        engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    run_for_developer()
else:
    run(given)
