"""Reading versions inside `log_transfer`: their bytes come anew, so that the registry can tell that they were read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from lineage import Digest
from registry.client.transport.downloads import check
from registry.domain.manifests import FileEntry
from registry.domain.names import Reference, VersionRef
from registry.domain.verbs.registry import Registry as Verbs
from registry.errors import DigestMismatchError
from registry.folders import new_folder, write_texts, writing

CHUNK = 1024**2


@dataclass(slots=True)
class Reading:
    """What is read through one registry for one step; `id` is what the registry writes it down under."""

    verbs: Verbs
    id: str = field(default_factory=lambda: token_hex(16))
    whole: set[VersionRef] = field(default_factory=set)
    """The versions that were asked for, and read to their end."""

    def pull_model(self, exact: Reference, folder: Path) -> None:
        """As `CatalogVerbs.pull`."""
        plan = self.verbs.catalog.pull_plan(exact)
        with new_folder(folder) as staged:
            for part in plan.parts:
                self._read(Reference.to(part.ref), part.files, staged / part.folder)
            write_texts(staged, plan.written, plan.appended)
        self.whole.add(plan.ref)

    def pull_dataset(self, exact: Reference, ref: VersionRef, files: Sequence[FileEntry], folder: Path) -> None:
        """As `DatasetVerbs.pull`."""
        with new_folder(folder) as staged:
            self._read(exact, files, staged)
        self.whole.add(ref)

    def again(self, ref: VersionRef, files: Sequence[FileEntry]) -> None:
        """Read a version whose files are in the cache, unless it was read already."""
        if ref not in self.whole:
            self._read(Reference.to(ref), files, None)
            self.whole.add(ref)

    def _read(self, exact: Reference, files: Sequence[FileEntry], folder: Path | None) -> None:
        """Read every file, checked by its digest; into `folder` where one is given."""
        with self.verbs.transfers.read_input(exact, self.id) as stream:
            for entry in files:
                hashed, left = hashlib.sha256(), entry.size
                with _opened(None if folder is None else folder / entry.path) as out:
                    while left and (data := stream.read(min(CHUNK, left))):
                        left -= len(data)
                        hashed.update(data)
                        if out is not None:
                            out.write(data)
                check(entry, Digest(hashed.hexdigest()), exact)
            if stream.read(1):
                raise DigestMismatchError(f"More came of {exact} than its files", remedy="Try again")


READING: ContextVar[Reading | None] = ContextVar("forebear_reading", default=None)
"""Of the `log_transfer` block that the program is in."""


def reading_through(verbs: Verbs) -> Reading | None:
    """The reading of the block that the program is in, if that is about this registry."""
    reading = READING.get()
    return reading if reading is not None and reading.verbs is verbs else None


@contextmanager
def _opened(target: Path | None) -> Iterator[BinaryIO | None]:
    if target is None:
        yield None
        return
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            yield out
