"""Which blobs were read and checked lately, and streams over them that need not check their bytes again.

A blob counts as checked for an hour after all of its bytes were hashed, as long as its file is the same: the inode, the
size, and the times of the last change of its bytes and of the inode, which nobody but the kernel sets. So what is
written to it is noticed at once, and what a disk loses by itself within the hour.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lineage import Digest
from registry.errors import IntegrityError
from registry.ports.blobs import Span
from registry.storage.artifacts.blocks import changed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHECKED_SECONDS = 3600.0
_MOST = 100_000
_Mark = tuple[int, int, int, int]


class Checked:
    """What one process has checked, by digest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._marks: dict[Digest, tuple[_Mark, float]] = {}

    def add(self, digest: Digest, before: os.stat_result) -> None:
        """All bytes of the blob were hashed and are right; `before` is what its file was before they were read."""
        if len(self._marks) >= _MOST:
            self._marks.clear()
        self._marks[digest] = _mark(before), self._clock()

    def holds(self, digest: Digest, now: os.stat_result) -> bool:
        """Whether the file of the blob is still what was checked lately."""
        mark, at = self._marks.get(digest, (None, 0.0))
        return mark == _mark(now) and self._clock() - at < CHECKED_SECONDS


def _mark(status: os.stat_result) -> _Mark:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class CheckedFile(io.BufferedReader):
    """`length` bytes of a checked file from `start`; a `FileStream`."""

    def __init__(self, file: io.FileIO, start: int, length: int) -> None:
        super().__init__(_Part(file, start, length))
        self.span = Span(file.fileno(), start, length)

    def check(self) -> None:
        """Nothing withdraws stored bytes by themselves."""


class _Part(io.RawIOBase):
    """`length` bytes of a file from `start`. Closing it closes the file."""

    def __init__(self, file: io.FileIO, start: int, length: int) -> None:
        super().__init__()
        self._file, self._left = file, length
        file.seek(start)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        count = self._file.readinto(memoryview(buffer).cast("B")[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class CheckedWhole(io.RawIOBase):
    """The whole of a file, which must have the digest of the blob: the last read raises where it does not."""

    def __init__(self, file: io.FileIO, digest: Digest, size: int, done: Callable[[], None]) -> None:
        super().__init__()
        self._file = file
        self._done = done
        self._digest = digest
        self._left = size
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")[: self._left]
        count = self._file.readinto(view) or 0
        if count == 0 and len(view) > 0:
            raise IntegrityError(f"The stored bytes of {self._digest.short} end {self._left} bytes too soon")
        self._left -= count
        self._hash.update(view[:count])
        if self._left == 0:
            if self._hash.hexdigest() != self._digest.hex:
                raise changed(self._digest)
            self._done()
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
