"""What every service is given: the actor, the database, the blob store, the clock, the plug-ins and the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from registry.domain.people.people import Actor, Permission
from registry.ports.blobs import BlobStore
from registry.ports.clock import Clock
from registry.services.unit_of_work import UnitOfWork, UnitOfWorkFactory
from registry.settings import Settings

if TYPE_CHECKING:
    from registry.ports.classical import ClassicalLearner
    from registry.ports.data import DataSource
    from registry.ports.engines import Engine
    from registry.ports.importing import ConvertedSource
    from registry.ports.tracking import RunTracker
    from registry.ports.transfers import AdapterOffer, TransferAdapter


class Plugins(Protocol):
    """Finds plug-ins by entry point, lazily. Raises: MissingExtraError with the install command, NotFoundError."""

    def import_source(self, source: Path, target: Path, *, architecture: str | None, pickles: bool) -> ConvertedSource:
        """Find the importer that knows `source` and convert it into the empty folder `target`, all in a subprocess.

        `pickles=False` (the server) refuses every pickle unread. Raises: BadArtifactError, UnsafeArtifactError,
        MisfitError, UnavailableError when the subprocess ran out of time or memory.
        """
        ...

    def definition(self, architecture: str) -> tuple[str, bytes] | None:
        """The one-file definition that loads `architecture` without Forebear: file name and bytes, or None."""
        ...

    def offers(self) -> Mapping[str, AdapterOffer]:
        """What each installed transfer adapter can do, by its name, without importing any heavy library."""
        ...

    def transfer(self, name: str) -> TransferAdapter: ...
    def classical(self) -> ClassicalLearner: ...
    def data_source(self) -> DataSource: ...
    def engine(self, name: str) -> Engine: ...
    def tracker(self, name: str) -> RunTracker: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a verb works with. `home` is the registry folder, which holds work in progress, caches and local stores."""

    actor: Actor
    home: Path
    open_uow: UnitOfWorkFactory
    blobs: BlobStore
    clock: Clock
    plugins: Plugins
    settings: Settings

    def read(self) -> UnitOfWork:
        """A unit of work for reading. Raises: PermissionDeniedError."""
        self.actor.require(Permission.READ)
        return self.open_uow(actor=self.actor.handle)

    def write(self, permission: Permission = Permission.EDIT) -> UnitOfWork:
        """A unit of work for one change. Raises: PermissionDeniedError."""
        self.actor.require(permission)
        return self.open_uow(actor=self.actor.handle, write=True)

    @contextmanager
    def holding(self) -> Iterator[Context]:
        """The same for one publication, from the first blob that it stores to its commit; see `BlobStore.holding`.

        Whatever publishes blobs does so inside this: else they could be collected before anything names them.
        """
        with self.blobs.holding() as held:
            yield replace(self, blobs=held)

    def as_actor(self, actor: Actor) -> Context:
        """The same for another actor."""
        return replace(self, actor=actor)
