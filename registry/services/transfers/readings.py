"""Inputs that a program reads through the registry, for a step that it will record itself.

What was given out is written down by whoever gave it out, so that no program can say that it read what it did not.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Sequence
from typing import BinaryIO

from lineage import Digest
from registry.domain.catalog.models import VersionSummary
from registry.domain.data.datasets import DatasetVersionSummary
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.transfers.recorded import check_reading
from registry.errors import RegistryError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.lookup import found, refuse_withheld, resolve
from registry.services.unit_of_work import UnitOfWork

_log = logging.getLogger("forebear.readings")


def read_input(context: Context, reference: Reference, reading: str, *, start: int, length: int | None) -> BinaryIO:
    """See `TransferVerbs.read_input`."""
    key = key_of(context, check_reading(reading))
    with context.read() as uow:
        ref = resolve(uow, reference)
        files, summary = _files(uow, ref)
        refuse_withheld(context, uow, summary)
    catalog, exact = Catalog(context), Reference.to(ref)

    def note(begin: int, stop: int) -> None:
        with context.without_terms().open_uow(actor=context.actor.handle, write=True) as uow:
            uow.steps.add_reading(key, ref, begin, stop, at=context.clock.now())
            uow.commit_unaudited()

    size = sum(file.size for file in files)
    stop = size if length is None else min(size, start + length)

    def open_at(path: str, begin: int, many: int) -> BinaryIO:
        return catalog.open_file(exact, path, start=begin, length=many)

    return io.BufferedReader(_Joined(files, open_at, note, start, stop), 1024 * 1024)


def key_of(context: Context, reading: str) -> Digest:
    """What parts of a reading are kept under: nobody adds to, or claims, what another person read."""
    return Digest.of(f"{reading} {context.actor.handle}".encode())


def was_read(uow: UnitOfWork, key: Digest, ref: VersionRef) -> bool:
    """True when every byte of the version was given out in this reading."""
    reached = 0
    for start, stop in uow.steps.reading(key).get(ref, ()):
        if start > reached:
            return False
        reached = max(reached, stop)
    return 0 < sum(file.size for file in _files(uow, ref)[0]) <= reached


def _files(uow: UnitOfWork, ref: VersionRef) -> tuple[Sequence[FileEntry], VersionSummary | DatasetVersionSummary]:
    if ref.kind is AssetKind.MODELS:
        model = found(uow.catalog.version(ref), ref)
        return model.files, model.summary
    dataset = found(uow.datasets.version(ref), ref)
    return dataset.files, dataset.summary


class _Joined(io.RawIOBase):
    """The files one after the other, from `start` to before `stop`; `note` is told which bytes were given."""

    def __init__(
        self,
        files: Sequence[FileEntry],
        open_at: Callable[[str, int, int], BinaryIO],
        note: Callable[[int, int], None],
        start: int,
        stop: int,
    ) -> None:
        self._files, self._open_at, self._note = files, open_at, note
        self._start, self._at, self._stop = start, start, stop
        self._file: BinaryIO | None = None
        self._noted = False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` as far as the present file goes. Raises: as `Catalog.open_file`."""
        while self._at < self._stop:
            if self._file is None:
                self._file = self._open()
            data = self._file.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                self._at += len(data)
                return len(data)
            self._file.close()
            self._file = None
        self._write()
        return 0

    def close(self) -> None:
        """Close the file that is open. A reading that was broken off is written by a thread: a server must not wait."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._at > self._start and not self._noted and not self.closed:
            threading.Thread(target=self._broken_off, name="broken off reading").start()
        super().close()

    def _open(self) -> BinaryIO:
        begin = 0
        for file in self._files:
            if begin <= self._at < begin + file.size:
                return self._open_at(file.path, self._at - begin, min(file.size, self._stop - begin) - self._at + begin)
            begin += file.size
        raise AssertionError("the end lies within the files")

    def _write(self) -> None:
        if self._at > self._start and not self._noted:
            self._noted = True
            self._note(self._start, self._at)

    def _broken_off(self) -> None:
        try:
            self._write()
        except RegistryError as error:
            _log.warning("What was read of an input could not be written down: %s", error)
