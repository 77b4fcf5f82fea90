"""Files as the protocols of other tools give them out: stored ones, and texts that are made when they are asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Self

from lineage import Digest
from registry.domain.manifests import FileEntry
from registry.domain.names import Reference
from registry.domain.verbs.registry import Registry


@dataclass(frozen=True, slots=True)
class GivenFile:
    """One file; `open_at(start, length)` gives its bytes."""

    entry: FileEntry
    open_at: Callable[[int, int], BinaryIO]

    @property
    def path(self) -> str:
        """Its path within what is given out."""
        return self.entry.path

    @classmethod
    def stored(cls, registry: Registry, exact: Reference, entry: FileEntry, *, path: str | None = None) -> Self:
        """The file `entry` of a version, at another `path` where one is given."""
        shown = entry if path is None else FileEntry(path, entry.size, entry.sha256)
        return cls(
            shown, lambda start, length: registry.catalog.open_file(exact, entry.path, start=start, length=length)
        )

    @classmethod
    def made(cls, path: str, body: bytes) -> Self:
        """A file of these bytes."""
        entry = FileEntry(path, len(body), Digest.of(body))
        return cls(entry, lambda start, length: io.BytesIO(body[start : start + length]))
