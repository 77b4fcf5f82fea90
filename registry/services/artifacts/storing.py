"""Bytes in and out: a folder's files into the blob store, a version's files out of it, verified on the way."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from lineage import Digest
from registry.domain.manifests import FileEntry, check_path
from registry.domain.names import VersionRef
from registry.errors import IntegrityError, InvalidError, NotFoundError
from registry.folders import writing
from registry.ports.blobs import BlobStore
from registry.services.context import Context
from registry.services.storage.catalog import Extent

CHUNK = 4 * 1024 * 1024
BROKEN = "Find everything that is damaged with forebear store verify, then run forebear store repair --from BACKUP"


def store_folder(blobs: BlobStore, root: Path, *, adopt: bool = False) -> tuple[FileEntry, ...]:
    """Put all files under `root` into the store, sorted by path; with `adopt`, nobody writes to them any more.

    Raises: InvalidError for a path that is not clean, or that is no regular file; NoSpaceError.
    """
    entries = []
    for name in sorted(path.relative_to(root).as_posix() for path in _regular(root)):
        check_path(name)
        if adopt:
            digest, size = blobs.adopt(root / name)
        else:
            with (root / name).open("rb") as stream:
                digest, size = blobs.put(stream)
        entries.append(FileEntry(name, size, digest))
    return tuple(entries)


def _regular(root: Path) -> Iterable[Path]:
    for path in root.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InvalidError(f"{path.name!r} is a link or a special file", remedy="Give regular files only")
        if path.is_file():
            yield path


def files_as_given(source: Path, stored: Sequence[FileEntry] = (), folder: Path | None = None) -> tuple[FileEntry, ...]:
    """A source's files as they came, sorted by path: what was converted, not what came out of it.

    Hidden files and folders are left out, as importers leave them out. `stored` are files in `folder` whose digests are
    known: one with the same bytes has the same digest, and comparing bytes costs a tenth of hashing them.
    """
    base = source if source.is_dir() else source.parent
    paths = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    entries = []
    for path in paths:
        name = path.relative_to(base)
        if not any(part.startswith(".") for part in name.parts):
            size = path.stat().st_size
            same = (one.sha256 for one in stored if folder and one.size == size and _equal(path, folder / one.path))
            digest = next(same, None)
            if digest is None:
                with path.open("rb") as stream:
                    digest = Digest(hashlib.file_digest(stream, "sha256").hexdigest())
            entries.append(FileEntry(name.as_posix(), size, digest))
    return tuple(entries)


def _equal(one: Path, other: Path) -> bool:
    """Whether two files have the same bytes, as they do where they are one file under two names."""
    if one.samefile(other):
        return True
    with one.open("rb", buffering=0) as first, other.open("rb", buffering=0) as second:
        while data := first.read(CHUNK):
            if data != second.read(len(data)):
                return False
        return not second.read(1)


def write_files(
    context: Context,
    ref: VersionRef,
    files: Sequence[FileEntry],
    folder: Path,
    *,
    error: type[IntegrityError] = IntegrityError,
) -> None:
    """Write `files` of `ref` under `folder`, each verified against its SHA-256. No transaction is open meanwhile.

    Raises: `error` when stored bytes are not what was registered; NoSpaceError, UnavailableError.
    """
    with context.read() as uow:
        places = uow.catalog.all_extents(ref)
    for entry in files:
        try:
            with writing(folder):
                target = folder / entry.path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as out:
                    _copy(context.blobs, entry, places.get(entry.path, ()), out)
        except (NotFoundError, IntegrityError) as problem:
            raise error(
                f"The stored bytes of {entry.path!r} in {ref} are not what was registered", remedy=BROKEN
            ) from problem


def _copy(blobs: BlobStore, entry: FileEntry, extents: Sequence[Extent], out: BinaryIO) -> None:
    """Write one file; a blob read whole is hashed by the store, pieces are hashed here. Raises: IntegrityError."""
    if [(e.blob, e.offset, e.length) for e in extents] == [(entry.sha256, 0, entry.size)]:
        with blobs.open(entry.sha256) as stream:
            shutil.copyfileobj(stream, out, CHUNK)
        return
    hashed = Hashing(out)
    with open_extents(blobs, extents) as stream:
        shutil.copyfileobj(stream, hashed, CHUNK)
    if hashed.digest != entry.sha256:
        raise IntegrityError("The digest differs")


class Hashing:
    """A writer that hashes what passes through it."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._hash = out, hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write and hash `data`."""
        self._hash.update(data)
        return self._out.write(data)

    @property
    def digest(self) -> Digest:
        """The digest of everything written so far."""
        return Digest(self._hash.hexdigest())


def open_extents(blobs: BlobStore, extents: Sequence[Extent], *, start: int = 0, length: int | None = None) -> BinaryIO:
    """A stream over `length` bytes from `start` of the file that `extents` make up, in order.

    Raises: NotFoundError when one of the blobs is not there, IntegrityError (also while reading).
    """
    pieces: list[tuple[Digest, int, int]] = []
    position, left = 0, length if length is not None else sum(e.length for e in extents) - start
    for extent in extents:
        skip = max(start - position, 0)
        position += extent.length
        take = min(extent.length - skip, left)
        if take > 0:
            pieces.append((extent.blob, extent.offset + skip, take))
            left -= take
    if len(pieces) == 1:
        digest, offset, size = pieces[0]
        return blobs.open(digest, start=offset, length=size)
    for digest in {digest for digest, _, _ in pieces}:
        blobs.size(digest)  # a blob that is missing is noticed before the first byte is given
    return io.BufferedReader(_Chain(blobs, pieces), CHUNK)


class _Chain(io.RawIOBase):
    """Pieces of several blobs read one after another; each is opened when its turn comes."""

    def __init__(self, blobs: BlobStore, pieces: Sequence[tuple[Digest, int, int]]) -> None:
        self._blobs, self._pieces, self._stack = blobs, list(pieces), ExitStack()
        self._current: BinaryIO | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while True:
            if self._current is None:
                if not self._pieces:
                    return 0
                digest, offset, size = self._pieces.pop(0)
                self._current = self._stack.enter_context(self._blobs.open(digest, start=offset, length=size))
            data = self._current.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._stack.close()
            self._current = None

    def close(self) -> None:
        self._stack.close()
        super().close()
