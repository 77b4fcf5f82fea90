"""The database of a registry: open it, bring it up to date, check it, and get units of work.

database = open_database(default_url(home))
database.create_or_upgrade()
open_uow = database.factory(clock)
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import Connection, Engine, inspect, text

from lineage import Digest
from registry.errors import (
    ConflictError,
    HomeNotFoundError,
    NewDatabaseError,
    NoSpaceError,
    OldDatabaseError,
    UnavailableError,
)
from registry.ports.clock import Clock
from registry.storage.people.standing import Standings
from registry.storage.revisions import HEAD, REVISIONS
from registry.storage.sql.engines import begin_migrating, begin_reading, make_engine, make_engine_for_full_disk
from registry.storage.sql.write_ahead import write_back
from registry.storage.unit_of_work import SqlUnitOfWorkFactory

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPICursor

    from registry.storage.audit.checkpoints import Rule

GRAPH = "graph"
"""The folder of the compiled graph in a registry folder."""
_WAL_SECONDS = 30.0
"""How long a new database is waited for that another process is making."""


def default_url(home: Path) -> str:
    """The SQLite file of a registry folder."""
    return f"sqlite:///{home.absolute() / 'registry.db'}"


def open_database(url: str) -> Database:
    """The database at a SQLAlchemy URL; nothing is read or written yet. Raises: UsageError, MissingExtraError."""
    return Database(make_engine(url))


class Database:
    """One database. Close it when done, or use it in a `with`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._standings = None if self._file is None else Standings(str(self._file))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def engine(self) -> Engine:
        """For migrations and tests; services get units of work."""
        return self._engine

    @property
    def location(self) -> str:
        """The URL without its password, for messages."""
        return self._engine.url.render_as_string(hide_password=True)

    def factory(self, clock: Clock, home: Path | None = None, rule: Rule | None = None) -> SqlUnitOfWorkFactory:
        """Units of work on this database; `clock` dates their audit entries.

        The registry folder `home` records the newest entry, and has the checkpoints that are signed by `rule`, and the
        compiled graph.
        """
        if home is None:
            return SqlUnitOfWorkFactory(self._engine, clock)
        from registry.storage.audit.checkpoints import Checkpoints, Rule  # noqa: PLC0415 - as with all of the audit log
        from registry.storage.audit.head import FILE, HeadFile  # noqa: PLC0415 - as above

        checkpoints = Checkpoints(self._engine, home / "audit", rule or Rule(0, 0))
        return SqlUnitOfWorkFactory(self._engine, clock, (HeadFile(home / FILE), checkpoints), home / GRAPH)

    def revision(self) -> str | None:
        """The revision it is at, None when it is empty. Raises: UnavailableError."""
        if self._file is not None and not self._file.exists():
            return None  # connecting would create it
        try:
            return self._revision()
        except NoSpaceError:  # reading goes on when the disk is full
            if self._file is None:
                raise
            self._engine.dispose()
            self._engine = make_engine_for_full_disk(self._engine.url)
            return self._revision()

    def _revision(self) -> str | None:
        connection = begin_reading(self._engine)
        try:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        finally:
            connection.close()

    def check(self) -> None:
        """Make sure that this program can use the database: one small query.

        Raises: HomeNotFoundError (empty), OldDatabaseError, NewDatabaseError, UnavailableError.
        """
        found = self.revision()
        if found == HEAD:
            return
        if found is None:
            raise HomeNotFoundError("There is no registry in this database yet", remedy="Run: forebear init")
        if found in REVISIONS:
            raise OldDatabaseError(
                f"The database is at revision {found} and this program needs {HEAD}",
                remedy="Make a backup, then run: forebear init --upgrade",
                facts={"found": found, "needed": HEAD},
            )
        raise self._newer(found)

    def create_or_upgrade(self) -> None:
        """Bring an empty or older database to this program's revision; nothing happens to one that is there already.

        Two processes may call this at once: one works, the other waits. Raises: NewDatabaseError, UnavailableError.
        """
        found = self.revision()
        if found == HEAD:
            return
        if found is not None and found not in REVISIONS:
            raise self._newer(found)
        from registry.storage.migrations import upgrade  # noqa: PLC0415 -- Alembic is only needed here

        if self._file is not None:
            self._prepare_file(self._file)
        connection = begin_migrating(self._engine)
        try:
            upgrade(connection, HEAD)
            connection.commit()
        finally:
            connection.close()

    def adopt(self) -> None:
        """Make a copied SQLite file a database of this program: upgraded, in WAL mode, for its owner only."""
        if self._file is not None:
            self._prepare_file(self._file)
        self.create_or_upgrade()

    @contextmanager
    def filling(self) -> Iterator[Callable[[Database], None]]:
        """A function that copies another database into this one, which is empty; committed at the end of the `with`.

        After an error this database is as it was. Raises: ConflictError for one that is not empty.
        """
        new = self._file is not None and not self._file.exists()
        if not new and self.tables():
            raise ConflictError("The database is not empty", remedy="Give an empty one in FOREBEAR_DATABASE_URL")
        from registry.storage.migrations import upgrade  # noqa: PLC0415 -- Alembic is only needed here
        from registry.storage.whole import copy_rows  # noqa: PLC0415 -- as for Alembic

        if self._file is not None:
            self._prepare_file(self._file)
        connection = begin_migrating(self._engine)
        try:
            upgrade(connection, HEAD)
            yield lambda source: source.read_with(lambda rows: copy_rows(rows, connection))
            connection.commit()
        except BaseException:
            connection.close()
            if new and self._file is not None:
                self.close()
                self._file.unlink(missing_ok=True)
            raise
        connection.close()

    @contextmanager
    def only_server(self) -> Iterator[None]:
        """No other server works with the database inside the `with`. Raises: ConflictError, UnavailableError."""
        from registry.storage.sql.one_server import locked_database, locked_place  # noqa: PLC0415 - of servers alone

        if self._file is None:
            with locked_database(self._engine):
                yield
        else:
            with locked_place(self._file.with_name(f"{self._file.name}.server"), f"the database {self._file}"):
                yield

    def read_with(self, use: Callable[[Connection], None]) -> None:
        """Call `use` with a transaction that reads."""
        connection = begin_reading(self._engine)
        try:
            use(connection)
        finally:
            connection.close()

    def tables(self) -> Sequence[str]:
        """The names of the tables that there are."""
        connection = begin_reading(self._engine)
        try:
            return inspect(connection).get_table_names()
        finally:
            connection.close()

    def write_back(self) -> None:
        """Copy what SQLite's log of changes holds into the database. Raises: UnavailableError."""
        write_back(self._engine)

    def standing(self, secret_hash: Digest, before: object = None) -> object | None:
        """What a token stands on now, equal to `before` as long as nobody has changed it, whichever process.

        It is `before` itself if nothing at all was changed; None on PostgreSQL, and where it cannot be told.
        """
        return None if self._standings is None else self._standings.read(secret_hash, before)

    def close(self) -> None:
        """Release every connection."""
        self._engine.dispose()
        if self._standings is not None:
            self._standings.close()

    @property
    def _file(self) -> Path | None:
        url = self._engine.url
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

    def _prepare_file(self, file: Path) -> None:
        """Create the file for its owner only, in WAL mode (which the file remembers), so that readers never wait."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
        except OSError as error:
            raise UnavailableError(f"The database file cannot be made: {error}") from error
        raw = self._engine.raw_connection()
        try:
            self._use_wal(raw.cursor())
        finally:
            raw.close()

    @staticmethod
    def _use_wal(cursor: DBAPICursor) -> None:
        """SQLite does not wait here for another process that does the same, whatever its timeout: we do."""
        give_up = time.monotonic() + _WAL_SECONDS
        while True:
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.02)
            else:
                cursor.close()
                return

    def _newer(self, found: str) -> NewDatabaseError:
        return NewDatabaseError(
            f"The database is at revision {found}, which this program does not know; it knows up to {HEAD}",
            remedy="Install the newer Forebear that wrote it",
            facts={"found": found, "known": HEAD},
        )
