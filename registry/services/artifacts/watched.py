"""A stream over a stored file that asks again, now and then, whether its version was taken back since it was opened."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, cast

from registry.ports.blobs import FileStream, Span

STRETCH = 4 * 1024 * 1024
"""Bytes that are given between two questions: what is read at most after a recall."""


class Watched(io.RawIOBase):
    """`source`, read to its end only as long as `check` raises nothing. Closing it closes `source`."""

    def __init__(self, source: BinaryIO, check: Callable[[], None]) -> None:
        self._source, self._check, self._left = source, check, STRETCH

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` as far as it goes. Raises: what `check` raises."""
        if self._left <= 0:
            self._check()
            self._left = STRETCH
        data = self._source.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        """Close both."""
        self._source.close()
        super().close()


class WatchedFile(io.BufferedReader):
    """The same over a `FileStream`, as one."""

    def __init__(self, source: BinaryIO, span: Span, check: Callable[[], None]) -> None:
        super().__init__(Watched(source, check), 1024 * 1024)
        self.span, self.check = span, check


def watched(source: BinaryIO, size: int, check: Callable[[], None]) -> BinaryIO:
    """`source`, of `size` bytes; as it is where it ends before the first question. A `FileStream` stays one."""
    if size <= STRETCH:
        return source
    if isinstance(source, FileStream):
        return WatchedFile(cast("BinaryIO", source), source.span, check)
    return io.BufferedReader(Watched(source, check), 1024 * 1024)
