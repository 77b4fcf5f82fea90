"""What every service is given: the actor, the database, the blob store, the clock, the plug-ins and the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from registry.domain.catalog.downloads import Unwritten
from registry.domain.people.people import Actor, Permission
from registry.ports.blobs import BlobStore
from registry.ports.clock import Clock
from registry.services.unit_of_work import UnitOfWork, UnitOfWorkFactory
from registry.settings import Settings

if TYPE_CHECKING:
    from registry.ports.classical import ClassicalLearner
    from registry.ports.data import DataSummary, HowToRead, Place
    from registry.ports.engines import Engine
    from registry.ports.importing import ConvertedSource
    from registry.ports.scoring import Scorer
    from registry.ports.tracking import RunTracker
    from registry.ports.transfers import AdapterOffer, TransferAdapter
    from registry.ports.weights import WeightReader


class Plugins(Protocol):
    """Finds plug-ins by entry point, lazily. Raises: MissingExtraError with the install command, NotFoundError."""

    def import_source(
        self, source: Path, target: Path, *, architecture: str | None, pickles: bool, owned: bool
    ) -> ConvertedSource:
        """Find the importer that knows `source` and convert it into the empty folder `target`, all in a subprocess.

        `pickles=False` (the server) refuses every pickle unread; `owned`: nobody writes to the source any more, so that
        its bytes need not be copied. Raises: BadArtifactError, UnsafeArtifactError, MisfitError, UnavailableError when
        the subprocess ran out of time or memory.
        """
        ...

    def read_data(
        self, source: Path, how: HowToRead, *, staging: Path, cache: Path, rev: str | None = None
    ) -> DataSummary:
        """Read a dataset (for a `.dvc` file what it names, at the git revision `rev`) in a subprocess, within limits.

        Its row index is left in `staging`. Raises: what `DataSource.fetch` and `DataSource.read` raise; TooLargeError
        naming the limit, also where the subprocess ran out of time or memory.
        """
        ...

    def thumbnails(self, root: Path, places: Sequence[Place], *, staging: Path) -> Sequence[bytes]:
        """See `DataSource.thumbnails`; in a subprocess, within limits. Raises: also TooLargeError, AdapterError."""
        ...

    def greys(self, pictures: Sequence[Path], side: int) -> Sequence[bytes]:
        """See `DataSource.greys`."""
        ...

    def definition(self, architecture: str) -> tuple[str, bytes] | None:
        """The one-file definition that loads `architecture` without Forebear: file name and bytes, or None."""
        ...

    def offers(self) -> Mapping[str, AdapterOffer]:
        """What each installed transfer adapter can do, by its name, without importing any heavy library."""
        ...

    def transfer(self, name: str) -> TransferAdapter: ...
    def classical(self) -> ClassicalLearner: ...
    def scorers(self) -> Mapping[str, Scorer]: ...
    def weights(self) -> WeightReader: ...
    def engine(self, name: str) -> Engine: ...
    def tracker(self, name: str) -> RunTracker: ...


@dataclass(slots=True)
class FirstChange:
    """What is checked inside the transaction of the first change of a request; once it is committed, no more."""

    check: Callable[[UnitOfWork], None]
    done: bool = False


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
    first_change: FirstChange | None = None
    unwritten: Unwritten = field(default_factory=Unwritten)
    """Downloads that are not written yet."""
    within: UnitOfWork | None = None
    """The open transaction that everything is read in; None: each verb opens its own."""

    def read(self) -> AbstractContextManager[UnitOfWork]:
        """A unit of work for reading. Raises: PermissionDeniedError."""
        self.actor.require(Permission.READ)
        return self.open_uow(actor=self.actor.handle) if self.within is None else nullcontext(self.within)

    def write(self, permission: Permission = Permission.EDIT) -> AbstractContextManager[UnitOfWork]:
        """A unit of work for one change. Raises: PermissionDeniedError; when entered, what the terms demand."""
        self.actor.require(permission)
        return self._writing()

    @contextmanager
    def _writing(self) -> Iterator[UnitOfWork]:
        with self.open_uow(actor=self.actor.handle, write=True) as uow:
            first = self.first_change
            if first is None or first.done:
                yield uow
            else:
                first.check(uow)
                yield uow
                first.done = True

    def without_terms(self) -> Context:
        """The same for what a request records on its way, whether or not it then changes what it was sent to change."""
        return replace(self, first_change=None)

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
