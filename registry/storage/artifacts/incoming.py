"""Files on their way into the store: temporary names in its folder `incoming`, locked while somebody writes to them.

`sweep` removes those of writers that were killed.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry.errors import IntegrityError, NoSpaceError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
"""What `os.link` fails with where a file system cannot do it."""
_ABANDONED_SECONDS = 60
"""Seconds after which a temporary file without a lock counts as left by a writer that died."""


class Incoming:
    """Temporary files in `folder`, which is made with the first of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def temporary(self) -> Iterator[tuple[io.FileIO, Path]]:
        """A new file, locked so that `sweep` sees that it is written; gone afterwards."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.sweep()
            handle, name = tempfile.mkstemp(dir=self.folder)
        except OSError as error:
            raise meaning(error) from error
        try:
            with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 -- the handle is open already
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file, Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    @contextmanager
    def linked(self, file: Path, opened: io.FileIO) -> Iterator[Path | None]:
        """A further name for `file`, which is locked like a new one; None where it cannot be linked."""
        status = os.fstat(opened.fileno())
        if status.st_uid != os.geteuid():  # the blob would not be ours
            yield None
            return
        temporary = self.folder / secrets.token_hex(16)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.sweep()
            fcntl.flock(opened, fcntl.LOCK_EX)
            os.link(file, temporary, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise meaning(error) from error
            yield None
            return
        try:
            if not os.path.samestat(temporary.lstat(), status):
                raise IntegrityError(f"Another file took the place of {file.name!r} while it was stored")
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove what killed writers left behind; give how many files."""
        removed = 0
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                if time.time() - os.fstat(file.fileno()).st_mtime < _ABANDONED_SECONDS:
                    continue
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed += 1
        return removed


def written(file: io.FileIO) -> tuple[int, int]:
    """Its size, and when it was written to last."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def write_all(file: io.FileIO, chunk: bytes) -> None:
    """Write all of `chunk`. Raises: NoSpaceError."""
    view = memoryview(chunk)
    try:
        while view:
            view = view[file.write(view) :]
    except OSError as error:
        raise meaning(error) from error


def meaning(error: OSError) -> Exception:
    """What a failed write means: a full disk is NoSpaceError, anything else stays what it is."""
    if error.errno in _FULL:
        return NoSpaceError("The disk of the blob store is full; nothing was kept", remedy="Make room and try again")
    return error
