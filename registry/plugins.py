"""Finds plug-ins by entry point, lazily, and turns every failure in them into an error of the registry.

Foreign code runs only when a verb needs it, so the server starts without any machine-learning library.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from registry.errors import AdapterError, MissingExtraError, NotFoundError, RegistryError
from registry.limits import DEFAULT, DataLimits

if TYPE_CHECKING:
    from registry.ports.classical import ClassicalLearner
    from registry.ports.data import DataSource, DataSummary, HowToRead, Place
    from registry.ports.engines import Engine
    from registry.ports.importing import ConvertedSource
    from registry.ports.registries import ModelRegistry
    from registry.ports.scoring import Scorer
    from registry.ports.tracking import RunTracker
    from registry.ports.transfers import AdapterOffer, TransferAdapter
    from registry.ports.weights import WeightReader


@dataclass(frozen=True, slots=True)
class EntryPointPlugins:
    """The installed plug-ins. Limits of converting: `memory` in bytes (0: by the size of the source), `seconds`.

    `limits` are those of reading a dataset.
    """

    memory: int
    seconds: int
    limits: DataLimits = DEFAULT

    def import_source(
        self, source: Path, target: Path, *, architecture: str | None, pickles: bool, owned: bool
    ) -> ConvertedSource:
        """Detect and convert in a subprocess; see `registry.sandbox`."""
        from registry.sandbox.parent import convert_in_subprocess

        return convert_in_subprocess(
            source,
            target,
            architecture=architecture,
            pickles=pickles,
            memory=self.memory,
            seconds=self.seconds,
            owned=owned,
        )

    def definition(self, architecture: str) -> tuple[str, bytes] | None:
        """The module that the entry point `architecture` of `forebear.definitions` names, read but not run.

        For `kind:more` the entry point may be named `kind`.
        """
        found = entry_points(group="forebear.definitions")
        name = architecture if architecture in found.names else architecture.partition(":")[0]
        if name not in found.names:
            return None
        spec = find_spec(found[name].value)
        if spec is None or spec.origin is None:
            raise AdapterError(f"The definition of {architecture} is not where its entry point says")
        path = Path(spec.origin)
        return path.name, path.read_bytes()

    def offers(self) -> Mapping[str, AdapterOffer]:
        """The offers that the entry points of `forebear.offers` name. Raises: AdapterError."""
        found = entry_points(group="forebear.offers")
        return {point.name: cast("AdapterOffer", _load(point)) for point in found}

    def transfer(self, name: str) -> TransferAdapter:
        """The transfer adapter `name`. Raises: NotFoundError, MissingExtraError, AdapterError."""
        return cast("TransferAdapter", load("forebear.transfers", name))

    def classical(self) -> ClassicalLearner:
        """The classical model of a comparison. Raises: NotFoundError, MissingExtraError, AdapterError."""
        return cast("ClassicalLearner", load("forebear.classical", "linear"))

    def scorers(self) -> Mapping[str, Scorer]:
        """The scorers of source models, by name. Raises: MissingExtraError, AdapterError."""
        names = sorted(entry_points(group="forebear.scorers").names)
        return {name: cast("Scorer", load("forebear.scorers", name)) for name in names}

    def read_data(
        self, source: Path, how: HowToRead, *, staging: Path, cache: Path, rev: str | None = None
    ) -> DataSummary:
        """Read a dataset in a subprocess; see `registry.sandbox`. What a `.dvc` file names is fetched before."""
        from registry.sandbox.data_wire import NOT_LOADED
        from registry.sandbox.readers import read_in_subprocess

        fetched = None
        if rev is not None or (source.suffix.lower() == ".dvc" and source.is_file()):
            fetched = self._data_source().fetch(source, staging=staging, rev=rev)
            source = fetched.data
        try:
            return read_in_subprocess(source, how, staging=staging, cache=cache, limits=self.limits, fetched=fetched)
        except AdapterError as error:
            if NOT_LOADED in error.facts:
                self._data_source()  # says which extra to install
            raise

    def thumbnails(self, root: Path, places: Sequence[Place], *, staging: Path) -> Sequence[bytes]:
        """Small PNG pictures of rows, made in a subprocess; see `registry.sandbox`."""
        from registry.sandbox.thumbnails import thumbnails_in_subprocess

        return thumbnails_in_subprocess(root, places, staging=staging, limits=self.limits)

    def greys(self, pictures: Sequence[Path], side: int) -> Sequence[bytes]:
        """The greys of pictures. Raises: BadDataError, MissingExtraError, AdapterError."""
        return self._data_source().greys(pictures, side)

    def _data_source(self) -> DataSource:
        """Raises: NotFoundError, MissingExtraError, AdapterError."""
        return cast("DataSource", load("forebear.datasets", "dvc"))

    def weights(self) -> WeightReader:
        """The reader of stored weights. Raises: NotFoundError, MissingExtraError, AdapterError."""
        return cast("WeightReader", load("forebear.weights", "safetensors"))

    def engine(self, name: str) -> Engine:
        """The engine `name`. Raises: NotFoundError, MissingExtraError, AdapterError."""
        return cast("Engine", load("forebear.engines", name))

    def tracker(self, name: str) -> RunTracker:
        """The run tracker `name`. Raises: NotFoundError, MissingExtraError, AdapterError."""
        return cast("RunTracker", load("forebear.trackers", name))


def registry_reader(name: str) -> ModelRegistry:
    """The reader of another tool's model registry. Raises: NotFoundError, MissingExtraError, AdapterError."""
    return cast("ModelRegistry", load("forebear.registries", name))


def load(group: str, name: str) -> object:
    """An instance of the class that the entry point `name` of `group` names.

    Raises: NotFoundError listing what there is, MissingExtraError with the install command, AdapterError.
    """
    found = entry_points(group=group)
    if name not in found.names:
        raise NotFoundError(
            f"No plug-in {name!r} is installed for {group}",
            remedy=f"There are: {', '.join(sorted(found.names)) or 'none'}",
        )
    return _make(found[name])


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except ImportError as error:
        if (lacking := _lacking(point, error)) is not None:
            raise lacking from error
        raise AdapterError(f"The plug-in {point.name} ({point.value}) does not import: {error}") from error
    except Exception as error:  # foreign code runs when it is imported, and may fail in any way
        raise AdapterError(f"The plug-in {point.name} ({point.value}) fails on import: {error!r}") from error


def _lacking(point: EntryPoint, error: ImportError) -> MissingExtraError | None:
    """The error that names the extra to install, where an extra of the plug-in's distribution is what is missing."""
    from registry.services.extras import extras_of, install_command

    missing = (error.name or "").partition(".")[0]
    if not missing or point.dist is None or sys.modules.get(missing) is not None or find_spec(missing) is not None:
        return None
    needed = extras_of(point)
    if not needed:
        return None
    return MissingExtraError(
        f"{point.name} needs {missing}, which is not installed",
        remedy=f"Run: {install_command(needed, point.dist.name)}",
    )


def _make(point: EntryPoint) -> object:
    kind = _load(point)
    try:
        return kind()
    except RegistryError:
        raise
    except Exception as error:
        raise AdapterError(f"The plug-in {point.name} ({point.value}) does not start: {error!r}") from error
