"""Blobs in a folder: `<root>/ab/cd/<all 64 digits>`, each file written once and read-only ever after.

A put writes a temporary file inside the store (0600, a name nobody can guess), hashes while it writes, fsyncs, makes
it read-only, renames it into place and fsyncs the folder: a file with a blob's name is whole, also after a power cut.

Reading: a whole blob is hashed while it is read, and the last read raises IntegrityError when the bytes are not those
of its name. Of a range, each block that it touches is checked before it is given out: see `blocks`. What was checked
lately and has not changed since is given out without hashing it again: see `checked`.

Collecting: `holds` says which publications go on, so that nothing of theirs is removed.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from lineage import BadDigestError, Digest
from registry.errors import Family, IntegrityError, NoSpaceError, NotFoundError, RegistryError
from registry.files import sync_folder
from registry.storage.artifacts.blocks import (
    BLOCK,
    SUFFIX,
    Blocks,
    CheckedRange,
    Hashing,
    Kind,
    changed,
    decode,
    encode,
)
from registry.storage.artifacts.checked import Checked, CheckedFile, CheckedWhole
from registry.storage.artifacts.holds import Holds
from registry.storage.artifacts.incoming import Incoming, meaning, write_all, written

_CHUNK = 1024 * 1024
_UNDECIDED = {Family.UNAVAILABLE, Family.INTEGRITY}
"""Families of errors after which it is not sure that nothing was published."""


class FolderBlobs:
    """Implements `BlobStore` in the folder `root`, which is made when the first blob comes.

    Without `durable` puts do not wait for the disk: whoever fills a new store calls `os.sync` once, before anything
    names the blobs.
    """

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self.root = root
        self._durable = durable
        self._incoming = Incoming(root / "incoming")
        self._holds = Holds(root)
        self._checked = Checked()

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> tuple[Digest, int]:
        """Store all of `stream`; give its digest and size. Raises: IntegrityError when `expected` differs."""
        with self._incoming.temporary() as (file, temporary):
            hashed = _copy(stream, file)
            if expected is not None and hashed.digest != expected:
                raise IntegrityError(
                    f"The bytes are {hashed.digest.short} and {expected.short} was announced",
                    facts={"found": str(hashed.digest), "expected": str(expected)},
                )
            self._publish(file, temporary, hashed)
        return hashed.digest, hashed.size

    def adopt(self, file: Path) -> tuple[Digest, int]:
        """Link the file into the store and hash it there; copy it where the file system cannot link.

        Raises: IntegrityError when it changes while it is read.
        """
        with file.open("rb", buffering=0) as opened:
            with self._incoming.linked(file, opened) as temporary:
                if temporary is not None:
                    before = written(opened)
                    hashed = _hash(opened)
                    if written(opened) != before or hashed.size != before[0]:
                        raise IntegrityError(f"The file {file.name!r} was written to while it was stored")
                    os.utime(opened.fileno())  # the time of a blob is when it was put
                    self._publish(opened, temporary, hashed)
                    return hashed.digest, hashed.size
            return self.put(cast("BinaryIO", opened))

    def open(self, digest: Digest, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """A stream of `length` bytes from `start`. Raises: NotFoundError, IntegrityError (also while reading)."""
        try:
            file = self._path(digest).open("rb", buffering=0)
        except FileNotFoundError:
            raise _missing(digest) from None
        try:
            status = os.fstat(file.fileno())
            size = status.st_size
            wanted = size - start if length is None else length
            if start < 0 or wanted < 0 or start + wanted > size:
                raise IntegrityError(f"{digest.short} has {size} bytes: there are no {wanted} from {start} on")
            if self._checked.holds(digest, status):
                return CheckedFile(file, start, wanted)
            done = partial(self._checked.add, digest, status)
            if start == 0 and length is None:
                return cast("BinaryIO", io.BufferedReader(CheckedWhole(file, digest, size, done), _CHUNK))
            blocks, whole = self._blocks(digest, file, size), start == 0 and wanted == size
            checked = CheckedRange(file, digest, blocks, start=start, length=wanted, whole=done if whole else None)
            return cast("BinaryIO", io.BufferedReader(checked, _CHUNK))
        except BaseException:
            file.close()
            raise

    def size(self, digest: Digest) -> int:
        """Bytes in the blob. Raises: NotFoundError."""
        return self._stat(digest).st_size

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
        with suppress(FileNotFoundError):
            self._unlink(digest)
            sync_folder(self._path(digest).parent)

    def verify(self, digest: Digest, read: Callable[[int], None] | None = None) -> int:
        """Read the whole blob and give its size. Raises: NotFoundError, IntegrityError.

        Digests of its blocks that are missing or damaged are made again.
        """
        try:
            with self._path(digest).open("rb", buffering=0) as file:
                hashed = _hash(file, read)
                if hashed.digest != digest:
                    raise changed(digest)
                if hashed.size > BLOCK and self._stored_blocks(digest, hashed.size) != hashed.blocks:
                    self._write_blocks(hashed)
        except FileNotFoundError:
            raise _missing(digest) from None
        return hashed.size

    @contextmanager
    def holding(self) -> Iterator[FolderBlobs]:
        """The same store for one publication; see `BlobStore.holding`."""
        held = _Held(self.root)
        with ExitStack() as stack:
            try:
                held.since = stack.enter_context(self._holds.hold())
            except OSError as error:
                raise meaning(error) from error
            try:
                yield held
            except RegistryError as error:
                if error.family not in _UNDECIDED:
                    held.take_back()
                raise

    def keeping(self) -> AbstractContextManager[None]:
        """Nobody discards inside the `with`; see `BlobStore.keeping`."""
        return self._holds.keeping()

    def removing(self) -> AbstractContextManager[None]:
        """For discarding. Raises: UnavailableError while a backup is made."""
        return self._holds.removing()

    def moment(self) -> float:
        """Now, or when the oldest publication that goes on began; in seconds, by the clock of the file system."""
        return self._holds.oldest() if self.root.is_dir() else time.time()

    def put_at(self, digest: Digest) -> float:
        """When the blob was put last, in seconds as `moment` counts them. Raises: NotFoundError."""
        return self._stat(digest).st_mtime

    def discard(self, digest: Digest, *, before: float) -> bool:
        """Remove the blob unless it was put at the moment `before` or later; True when it was removed."""
        with self._holds.exclusive(), suppress(NotFoundError):
            if self.put_at(digest) < before:
                self._unlink(digest)
                return True
        return False

    def sweep(self) -> int:
        """Remove what killed writers left behind, as every put does; give how many files."""
        return self._incoming.sweep()

    def _path(self, digest: Digest) -> Path:
        return self.root / digest.hex[:2] / digest.hex[2:4] / digest.hex

    def _unlink(self, digest: Digest) -> None:
        path = self._path(digest)
        path.unlink()
        path.with_name(path.name + SUFFIX).unlink(missing_ok=True)

    def _stat(self, digest: Digest) -> os.stat_result:
        try:
            return self._path(digest).stat()
        except FileNotFoundError:
            raise _missing(digest) from None

    def _publish(self, file: io.FileIO, temporary: Path, hashed: Hashing) -> None:
        """Make the temporary file the blob. One that is there already is replaced by the same bytes."""
        target = self._path(hashed.digest)
        try:
            os.fchmod(file.fileno(), 0o400)
            self._date(file)
            if self._durable:
                os.fsync(file.fileno())
            for folder in (target.parent.parent, target.parent):
                if not folder.is_dir():
                    folder.mkdir(exist_ok=True)
                    self._sync(folder.parent)
            with ExitStack() as stack:  # the digests of blocks are written before the blob is there, for want of space
                blocks = stack.enter_context(self._new_blocks(hashed)) if hashed.size > BLOCK else None
                stack.enter_context(self._holds.exclusive())
                new = not target.exists()
                temporary.replace(target)
                if blocks is not None:
                    blocks.replace(target.with_name(target.name + SUFFIX))
            self._sync(target.parent)
        except OSError as error:
            raise meaning(error) from error
        self._noted(hashed.digest, os.fstat(file.fileno()).st_ino, new=new)

    def _sync(self, folder: Path) -> None:
        if self._durable:
            sync_folder(folder)

    def _date(self, file: io.FileIO) -> None:
        """Called before each put; the time of the file is when it was put."""

    def _noted(self, digest: Digest, inode: int, *, new: bool) -> None:
        """Called after each put; `new` when the blob was not there."""

    def _blocks(self, digest: Digest, file: io.FileIO, size: int) -> Blocks:
        """The digests of the blocks of a blob; where there are none, the blob is read and checked. IntegrityError."""
        if size <= BLOCK:
            return Blocks(Kind.SHA256, (bytes.fromhex(digest.hex),))
        blocks = self._stored_blocks(digest, size)
        if blocks is None:
            hashed = _hash(file)
            if hashed.digest != digest:
                raise changed(digest)
            with suppress(OSError, NoSpaceError):  # they are made again by the next reader
                self._write_blocks(hashed)
            blocks = hashed.blocks
        return blocks

    def _stored_blocks(self, digest: Digest, size: int) -> Blocks | None:
        path = self._path(digest)
        try:
            return decode(path.with_name(path.name + SUFFIX).read_bytes(), size)
        except FileNotFoundError:
            return None

    def _write_blocks(self, hashed: Hashing) -> None:
        """Keep the digests of blocks beside the blob. They hold a checksum, so that half of them does no harm."""
        path = self._path(hashed.digest)
        with self._new_blocks(hashed) as blocks:
            blocks.replace(path.with_name(path.name + SUFFIX))

    @contextmanager
    def _new_blocks(self, hashed: Hashing) -> Iterator[Path]:
        """The digests of blocks in a temporary file."""
        with self._incoming.temporary() as (file, temporary):
            write_all(file, encode(hashed.size, hashed.blocks))
            os.fchmod(file.fileno(), 0o444)
            yield temporary


class _Held(FolderBlobs):
    """A store that knows what one publication has added to it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._new: dict[Digest, int] = {}
        self.since: Path | None = None

    def _date(self, file: io.FileIO) -> None:
        if self.since is None:
            return
        began = self.since.stat().st_mtime
        if os.fstat(file.fileno()).st_mtime < began:  # the clock was set back meanwhile
            os.utime(file.fileno(), (began, began))

    def _noted(self, digest: Digest, inode: int, *, new: bool) -> None:
        if new or digest in self._new:
            self._new[digest] = inode

    def take_back(self) -> None:
        """Remove what was added, unless someone else has put it too in the meantime."""
        for digest, inode in self._new.items():
            with self._holds.exclusive(), suppress(NotFoundError):
                if self._stat(digest).st_ino == inode:
                    self.delete(digest)


def _copy(stream: BinaryIO, file: io.FileIO) -> Hashing:
    hashed = Hashing()
    while chunk := stream.read(_CHUNK):
        hashed.update(chunk)
        write_all(file, chunk)
    return hashed


def _hash(file: io.FileIO, read: Callable[[int], None] | None = None) -> Hashing:
    hashed = Hashing()
    while chunk := file.read(_CHUNK):
        hashed.update(chunk)
        if read is not None:
            read(len(chunk))
    return hashed


def _missing(digest: Digest) -> NotFoundError:
    return NotFoundError(f"There is no blob {digest.short}", facts={"blob": str(digest)})


def _sorted_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if len(path.name) == 2 and path.is_dir())
