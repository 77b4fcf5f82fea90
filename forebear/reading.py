"""Reading versions inside `log_transfer`: their bytes come anew, so that the registry can tell that they were read."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from registry.client.reading import read_files
from registry.domain.manifests import FileEntry
from registry.domain.names import Reference, VersionRef
from registry.domain.verbs.registry import Registry as Verbs
from registry.folders import new_folder, write_texts


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
                read_files(self.verbs.transfers, Reference.to(part.ref), self.id, part.files, staged / part.folder)
            write_texts(staged, plan.written, plan.appended)
        self.whole.add(plan.ref)

    def pull_dataset(self, exact: Reference, ref: VersionRef, files: Sequence[FileEntry], folder: Path) -> None:
        """As `DatasetVerbs.pull`."""
        with new_folder(folder) as staged:
            read_files(self.verbs.transfers, exact, self.id, files, staged)
        self.whole.add(ref)

    def again(self, ref: VersionRef, files: Sequence[FileEntry]) -> None:
        """Read a version whose files are in the cache, unless it was read already."""
        if ref not in self.whole:
            read_files(self.verbs.transfers, Reference.to(ref), self.id, files, None)
            self.whole.add(ref)


READING: ContextVar[Reading | None] = ContextVar("forebear_reading", default=None)
"""Of the `log_transfer` block that the program is in."""


def reading_through(verbs: Verbs) -> Reading | None:
    """The reading of the block that the program is in, if that is about this registry."""
    reading = READING.get()
    return reading if reading is not None and reading.verbs is verbs else None
