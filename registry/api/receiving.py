"""Bytes of a request as they come, into a file of the server's own: what is in memory is one piece."""

from __future__ import annotations

import errno
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from registry.api.gathering import gathered
from registry.errors import NoSpaceError, TooLargeError, UsageError

PIECE = 1024**2
"""Bytes that are read at once."""


async def received_into(request: Request, file: Path, limit: int) -> int:
    """Write the body to `file`; give its bytes. Raises: TooLargeError over `limit`, UsageError, NoSpaceError."""
    size = 0
    try:
        with file.open("xb") as out:
            async for chunk in gathered(request.stream()):
                size += len(chunk)
                if size > limit:
                    raise TooLargeError(f"The body is larger than {limit:,} bytes")
                await run_in_threadpool(out.write, chunk)
    except ClientDisconnect as error:
        raise UsageError("The upload was cut short: the connection was closed") from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpaceError("The disk is full; nothing of the upload was kept") from error
        raise
    return size


class Joined(io.RawIOBase):
    """Files read one after another."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = list(files)
        self._rest = list(files)
        self._current: BinaryIO | None = None
        self._at = 0

    @classmethod
    def over(cls, files: Sequence[Path]) -> BinaryIO:
        """A buffered stream over `files`."""
        return cast("BinaryIO", io.BufferedReader(cls(files), PIECE))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go on from another byte."""
        sizes = [one.stat().st_size for one in self._files]
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: sum(sizes)}[whence]
        if self._current is not None:
            self._current.close()
            self._current = None
        before, number = 0, 0
        while number < len(sizes) and before + sizes[number] <= self._at:
            before, number = before + sizes[number], number + 1
        self._rest = self._files[number:]
        if self._rest and self._at > before:
            self._current = self._rest.pop(0).open("rb")
            self._current.seek(self._at - before)
        return self._at

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._current is None:
                if not self._rest:
                    return 0
                self._current = self._rest.pop(0).open("rb")
            came = self._current.readinto(buffer)  # type: ignore[attr-defined]
            if came:
                self._at += int(came)
                return int(came)
            self._current.close()
            self._current = None

    def close(self) -> None:
        if self._current is not None:
            self._current.close()
        super().close()
