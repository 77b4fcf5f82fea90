"""Blobs in a folder: `<root>/ab/cd/<all 64 digits>`, each file written once and read-only ever after.

A put writes a temporary file inside the store (0600, a name nobody can guess), hashes while it writes, fsyncs, makes
it read-only, renames it into place and fsyncs the folder: a file with a blob's name is whole, also after a power cut.

Reading: a whole blob is hashed while it is read, and the last read raises IntegrityError when the bytes are not those
of its name. A range cannot be checked that way; it is checked against the size, and `verify` reads the whole blob.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from lineage import BadDigestError, Digest
from registry.errors import IntegrityError, NoSpaceError, NotFoundError
from registry.files import sync_folder

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK = 1024 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ABANDONED_SECONDS = 60
"""Seconds after which a temporary file without a lock counts as left by a writer that died."""


class FolderBlobs:
    """Implements `BlobStore` in the folder `root`, which is made when the first blob comes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:
        """Store all of `stream`; give its digest and size. Raises: IntegrityError when `expected` differs."""
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
            self.sweep()
            handle, name = tempfile.mkstemp(dir=self._incoming)
        except OSError as error:
            raise _meaning(error) from error
        temporary = Path(name)
        try:
            with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 -- the handle is open already
                fcntl.flock(file, fcntl.LOCK_EX)  # shows `sweep` that it is still being written
                digest, size = _copy(stream, file)
                if expected is not None and digest != expected:
                    raise IntegrityError(
                        f"The bytes are {digest.short} and {expected.short} was announced",
                        facts={"found": str(digest), "expected": str(expected)},
                    )
                self._publish(file, temporary, self._path(digest))
        finally:
            temporary.unlink(missing_ok=True)
        return digest, size

    def open(self, digest: Digest, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """A stream of `length` bytes from `start`. Raises: NotFoundError, IntegrityError (also while reading)."""
        try:
            file = self._path(digest).open("rb", buffering=0)
        except FileNotFoundError:
            raise _missing(digest) from None
        size = os.fstat(file.fileno()).st_size
        wanted = size - start if length is None else length
        if start < 0 or wanted < 0 or start + wanted > size:
            file.close()
            raise IntegrityError(f"{digest.short} has {size} bytes: there are no {wanted} from {start} on")
        file.seek(start)
        whole = start == 0 and wanted == size
        reader = io.BufferedReader(_Checked(file, digest, wanted, whole=whole), _CHUNK)
        return cast("BinaryIO", reader)

    def size(self, digest: Digest) -> int:
        """Bytes in the blob. Raises: NotFoundError."""
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            raise _missing(digest) from None

    def exists(self, digest: Digest) -> bool:
        """True when the blob is there."""
        return self._path(digest).is_file()

    def list(self) -> Iterator[Digest]:
        """Every blob, in order of digest."""
        for first in _sorted_folders(self.root):
            for second in _sorted_folders(first):
                for file in sorted(second.iterdir()):
                    with suppress(BadDigestError):  # not a blob
                        yield Digest(file.name)

    def delete(self, digest: Digest) -> None:
        """Remove the blob; no error when it is not there."""
        path = self._path(digest)
        with suppress(FileNotFoundError):
            path.unlink()
            sync_folder(path.parent)

    def verify(self, digest: Digest) -> int:
        """Read the whole blob and give its size. Raises: NotFoundError, IntegrityError."""
        size = 0
        with self.open(digest) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
        return size

    def sweep(self) -> int:
        """Remove what killed writers left behind, as every put does; give how many files."""
        removed = 0
        for path in self._incoming.iterdir() if self._incoming.is_dir() else ():
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                if time.time() - os.fstat(file.fileno()).st_mtime < _ABANDONED_SECONDS:
                    continue
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed += 1
        return removed

    def _path(self, digest: Digest) -> Path:
        return self.root / digest.hex[:2] / digest.hex[2:4] / digest.hex

    def _publish(self, file: io.FileIO, temporary: Path, target: Path) -> None:
        """Make the temporary file the blob. One that is there already is replaced by the same bytes."""
        try:
            os.fchmod(file.fileno(), 0o400)
            os.fsync(file.fileno())
            for folder in (target.parent.parent, target.parent):
                if not folder.is_dir():
                    folder.mkdir(exist_ok=True)
                    sync_folder(folder.parent)
            temporary.replace(target)
            sync_folder(target.parent)
        except OSError as error:
            raise _meaning(error) from error


class _Checked(io.RawIOBase):
    """The next `length` bytes of a file, all of them or an error; with `whole`, they must hash to `digest`."""

    def __init__(self, file: io.FileIO, digest: Digest, length: int, *, whole: bool) -> None:
        super().__init__()
        self._file = file
        self._digest = digest
        self._left = length
        self._hash = hashlib.sha256() if whole else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")[: self._left]
        count = self._file.readinto(view) or 0
        if count == 0 and len(view) > 0:
            raise IntegrityError(f"The stored bytes of {self._digest.short} end {self._left} bytes too soon")
        self._left -= count
        if self._hash is not None:
            self._hash.update(view[:count])
            if self._left == 0 and self._hash.hexdigest() != self._digest.hex:
                raise IntegrityError(
                    f"The stored bytes of {self._digest.short} were changed", facts={"blob": str(self._digest)}
                )
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _copy(stream: BinaryIO, file: io.FileIO) -> tuple[Digest, int]:
    hashed, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        hashed.update(chunk)
        size += len(chunk)
        _write_all(file, chunk)
    return Digest(hashed.hexdigest()), size


def _write_all(file: io.FileIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    try:
        while view:
            view = view[file.write(view) :]
    except OSError as error:
        raise _meaning(error) from error


def _meaning(error: OSError) -> Exception:
    """What a failed write means: a full disk is NoSpaceError, anything else stays what it is."""
    if error.errno in _FULL:
        return NoSpaceError("The disk of the blob store is full; nothing was kept", remedy="Make room and try again")
    return error


def _missing(digest: Digest) -> NotFoundError:
    return NotFoundError(f"There is no blob {digest.short}", facts={"blob": str(digest)})


def _sorted_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if len(path.name) == 2 and path.is_dir())
