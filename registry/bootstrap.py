"""Opens a registry: settings and a registry folder in, all verbs out. Only this module knows the storage."""

from __future__ import annotations

import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from registry.domain.paging import PageRequest
from registry.domain.people.people import SYSTEM, Actor
from registry.errors import ConflictError, HomeNotFoundError, UnauthenticatedError
from registry.files import whole_folder
from registry.folders import error_of_disk
from registry.plugins import EntryPointPlugins
from registry.services.context import Context
from registry.services.downloads import write_downloads
from registry.services.lookup import actor_of
from registry.services.registry import LocalRegistry
from registry.settings import Settings
from registry.storage.artifacts.blobs import FolderBlobs
from registry.storage.database import Database, default_url, open_database

if TYPE_CHECKING:
    from registry.domain.backups import BackupReport
    from registry.services.backups.creating import Watch
    from registry.services.backups.verifying import CopiedDatabase
    from registry.storage.audit.checkpoints import Rule


_STEADY: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed moment, never going back; where the system counts it, with the time asleep."""
        return time.clock_gettime(_STEADY) if _STEADY is not None else time.monotonic()


@dataclass(frozen=True, slots=True)
class InitReport:
    """What `init` did. `token` is the first admin's, shown once; None for a registry folder that existed."""

    home: Path
    created: bool
    admin: str
    token: str | None
    voided: tuple[str, ...] = ()
    """Which verdicts an upgrade has marked void, and why, as sentences."""


def init(home: Path, *, settings: Settings, actor: str, upgrade: bool = False, policy: str | None = None) -> InitReport:
    """Create a registry folder with its database, first admin and first policy; with `upgrade`, upgrade an old one.

    A new folder, or an empty one, is closed to all other users of the machine, whatever the umask.
    Running it again on an existing folder changes nothing. Raises: NewDatabaseError, OldDatabaseError, NoSpaceError,
    UnavailableError; BadPolicyError for a `policy` (its text; None: the default one) with mistakes; ConflictError for
    an `actor` who is not known there, but for an upgrade, and for a `policy` of a registry that has one.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        new, blobs = not any(home.iterdir()), home / "blobs"
        blobs.mkdir(exist_ok=True)
        for folder in (home, blobs) if new else ():
            folder.chmod(0o700)
    except OSError as error:
        raise error_of_disk(error, f"The registry folder {home} cannot be created") from error
    with _database(home, settings) as database:
        if upgrade or database.revision() is None:
            database.create_or_upgrade()
        database.check()
        context = _context(home, settings, database, SYSTEM)
        with context.read() as uow:
            if uow.audit.checkpoints is not None:
                uow.audit.checkpoints.prepare()
        voided = _void(context) if upgrade else ()
        if upgrade:
            _mend_listings(context)
            with context.read() as uow:
                uow.impact.remove()  # the next question compiles the graph anew
        with context.read() as uow:
            if policy is not None and uow.governance.policies():
                raise ConflictError(
                    "This registry has a policy already", remedy="Propose another one: forebear policy publish FILE"
                )
            # Whoever may write the folder may upgrade it, also where they have no account there.
            if uow.people.get(actor) is not None or (upgrade and uow.people.search(PageRequest(limit=1)).items):
                return InitReport(home, False, actor, None, voided)
        from registry.services.people.verbs import first_admin  # noqa: PLC0415 - needed once in a registry's life

        return InitReport(home, True, actor, first_admin(context, actor, policy))


def _void(context: Context) -> tuple[str, ...]:
    """Mark the verdicts that this version does not trust."""
    from registry.services.comparison.voiding import void_untrusted  # noqa: PLC0415 - needed once after an upgrade

    return tuple(one.sentence for one in void_untrusted(context))


def _mend_listings(context: Context) -> None:
    """Make the rows that searches read anew where they are not what the models say."""
    with context.read() as uow:
        faults = uow.catalog.listing_faults()
    if faults:
        with context.write() as uow:
            uow.catalog.rebuild_listings()
            uow.commit_unaudited()
    _pack_facets(context)


def _pack_facets(context: Context) -> None:
    """Pack the models that changed, a part of them in each transaction, so that no writer waits for all."""
    more = True
    while more:
        with context.write() as uow:
            more = uow.catalog.pack_facets()
            uow.commit_unaudited()


def open(home: Path, *, settings: Settings, actor: str | None = None) -> LocalRegistry:  # noqa: A001 - bootstrap.open(home)
    """The registry in the folder `home`, for the person `actor` (None: the person that the settings name).

    Raises: HomeNotFoundError, OldDatabaseError, NewDatabaseError, UnauthenticatedError for someone unknown.
    """
    registry = open_system(home, settings=settings)
    try:
        person = _person(registry.context, actor or settings.acting())
    except BaseException:
        registry.close()
        raise
    return registry.as_actor(person)


NAMED_PEOPLE = 8
"""How many are named to someone who is unknown."""


def recipe_schema() -> Mapping[str, object]:
    """The JSON Schema of recipes, which needs no registry folder."""
    from registry.services.recipes import recipes  # noqa: PLC0415 - Pydantic and YAML, which most commands do not need

    return recipes.recipe_schema()


def _person(context: Context, handle: str) -> Actor:
    with context.read() as uow:
        person = actor_of(uow, handle)
    if person is None:
        with context.read() as uow:
            people = uow.people.search(PageRequest(NAMED_PEOPLE))
        if not people.items:
            raise UnauthenticatedError(
                "This registry has no people yet: its creation was cut short", remedy="Run: forebear init"
            )
        known = ", ".join(one.handle for one in people.items) + (" and others" if people.next_cursor else "")
        raise UnauthenticatedError(
            f"Unknown user {handle!r}; the people of this registry are {known}",
            remedy="Name the person who acts with --as or FOREBEAR_ACTOR, for example "
            f"forebear --as {people.items[0].handle}, "
            f"or let an admin add the user: forebear person add {shlex.quote(handle)}",
        )
    return person


def open_system(home: Path, *, settings: Settings) -> LocalRegistry:
    """The registry for the server itself, which acts for nobody until a request is authenticated."""
    if not home.is_dir():
        words = ("forebear", *(("--home", str(settings.home)) if settings.home else ()), "init")
        raise HomeNotFoundError(f"There is no registry folder at {home}", remedy=f"Create one: {shlex.join(words)}")
    database = _database(home, settings)
    try:
        database.check()
    except BaseException:
        database.close()
        raise
    context = _context(home, settings, database, SYSTEM)

    def close() -> None:
        write_downloads(context)
        database.close()

    return LocalRegistry(context, close, database.write_back, database.standing)


@contextmanager
def only_server(home: Path, *, settings: Settings) -> Iterator[None]:
    """Check that `home` can be served, and let no other server work with it or its database inside the `with`.

    Raises: ConflictError while another one does; what `open_system` raises.
    """
    from registry.storage.sql.one_server import locked_place  # noqa: PLC0415 - of servers alone

    open_system(home, settings=settings).close()
    with (
        locked_place(home / "server.lock", f"the registry folder {home}"),
        _database(home, settings) as database,
        database.only_server(),
    ):
        yield


def do_what_is_due(registry: LocalRegistry) -> None:
    """What a server does each minute: it writes who read what, does what is due, compiles the graph, packs facets."""
    write_downloads(registry.context)
    registry.reviews.tick()
    with registry.context.read() as uow:
        uow.impact.refresh()
    _pack_facets(registry.context)


def check_settings(settings: Settings) -> None:
    """Refuse settings that a server could not work with later. Raises: UsageError, MissingExtraError."""
    from registry.services.catalog.hub_importing import hub_of  # noqa: PLC0415 - as below
    from registry.services.catalog.tracked_importing import sites_of  # noqa: PLC0415 - as below
    from registry.services.notifications.mailing import server_of  # noqa: PLC0415 - as below

    server_of(settings)
    hub_of(settings)
    sites_of(settings)
    if settings.passwords:
        from registry.services.people.hashing import check_installed  # noqa: PLC0415 - an extra

        check_installed()


def deliver(registry: LocalRegistry, going_on: Callable[[], bool]) -> None:
    """What a server does every few seconds: it sends the notifications that are due, until `going_on` says no."""
    from registry.services.notifications.rounds import deliver  # noqa: PLC0415 - most commands send nothing

    deliver(registry.context, going_on)


def verify_backup(folder: Path, watch: Watch | None = None) -> BackupReport:
    """Read all of the backup in `folder`, and say what is missing or was changed; see `registry.services.backups`.

    Raises: NotFoundError where there is none, BackupBrokenError for one that cannot be read at all.
    """
    from registry.services.backups.verifying import verify  # noqa: PLC0415 - most commands do not need it

    with tempfile.TemporaryDirectory(prefix="forebear-backup-") as scratch:

        @contextmanager
        def copied(file: Path) -> Iterator[CopiedDatabase]:
            with _copied(file, Path(scratch)) as database:
                yield database

        return verify(folder, copied, watch)


def restore(folder: Path, home: Path, *, settings: Settings, watch: Watch | None = None) -> BackupReport:
    """Make the backup in `folder` the registry in `home`, which is new or empty, as is the database of `settings`.

    Everything is checked while it is copied and afterwards. After an error nothing is left. Raises: ConflictError for
    a place that is not empty, NotFoundError, BackupBrokenError, NoSpaceError, UnavailableError.
    """
    from registry.domain.backups import BackupReport  # noqa: PLC0415 - most commands do not need it
    from registry.services.backups import restoring  # noqa: PLC0415 - most commands do not need it
    from registry.services.backups.folder import BackupFolder  # noqa: PLC0415 - as above
    from registry.storage.audit.head import FILE as HEAD_FILE  # noqa: PLC0415 - as above
    from registry.storage.audit.head import HeadFile  # noqa: PLC0415 - as above

    source, home = BackupFolder(folder), home.absolute()
    backup, digest = source.require()
    restoring.require_database(source, backup)
    if home.exists() and any(home.iterdir()):
        raise ConflictError(f"The folder {home} is not empty", remedy="Restore into a new folder: --home FOLDER")
    target = _database(home, settings) if settings.database_url else None
    moved = False
    try:
        with target.filling() if target else nullcontext() as fill, whole_folder(home) as staging:
            if backup.audit is not None:
                HeadFile(staging / HEAD_FILE).write(backup.audit)
            (staging / "blobs").mkdir(mode=0o700)
            with _copied(source.database(backup.database), staging) as database:
                restoring.restore(
                    source, backup, digest, FolderBlobs(staging / "blobs", durable=False), database, watch
                )
            if fill is not None:
                with open_database(default_url(staging)) as filled:
                    fill(filled)
                Path(staging / "registry.db").unlink()
            moved = True
    except OSError as error:
        raise error_of_disk(error, f"The backup cannot be restored into {home}") from error
    except BaseException:
        if moved:  # the database refused its last step
            shutil.rmtree(home, ignore_errors=True)
        raise
    finally:
        if target is not None:
            target.close()
    return BackupReport(backup, digest, backup.objects, backup.size)


@contextmanager
def _copied(file: Path, folder: Path) -> Iterator[CopiedDatabase]:
    """A copy of the SQLite file in `folder`, as the database of a registry there."""
    from registry.services.backups.verifying import CopiedDatabase  # noqa: PLC0415 - most commands do not need it

    copy = folder / "registry.db"
    shutil.copyfile(file, copy)
    copy.chmod(0o600)
    with open_database(default_url(folder)) as database:
        yield CopiedDatabase(database.factory(SystemClock(), folder), database.adopt)


def sweep(home: Path) -> None:
    """Remove what killed processes left in the temporary folders of `home`: called when a server or worker starts."""
    from registry.services import workspace  # noqa: PLC0415 - not needed to open a registry

    workspace.sweep(home)
    FolderBlobs(home / "blobs").sweep()


def _database(home: Path, settings: Settings) -> Database:
    return open_database(settings.database_url or default_url(home))


def _checkpoint_rule(settings: Settings) -> Rule:
    from registry.storage.audit.checkpoints import Rule  # noqa: PLC0415 - as with all of the audit log

    return Rule(settings.checkpoint_entries, 60 * settings.checkpoint_minutes, settings.checkpoint_anchors)


def _context(home: Path, settings: Settings, database: Database, actor: Actor) -> Context:
    clock = SystemClock()
    return Context(
        actor=actor,
        home=home.resolve(),
        open_uow=database.factory(clock, home, _checkpoint_rule(settings)),
        blobs=FolderBlobs(home / "blobs"),
        clock=clock,
        plugins=EntryPointPlugins(settings.import_memory, settings.import_seconds, settings.data_limits),
        settings=settings,
    )
