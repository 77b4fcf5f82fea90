"""Opens an archive of a folder (.zip, .tar, .tar.gz) inside the process that converts a model or reads a dataset.

Nothing in an archive is believed: not the sizes in its headers, and no name before it is checked. Only regular files
and folders come out, all inside a new folder, as many and as large as the limits allow. An archive with anything else
is refused.
"""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

from registry.errors import BadArtifactError, UnsafeArtifactError

MAX_FILES = 10_000
"""Files and folders in one archive of a model."""
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
"""How the name of an archive ends; a spreadsheet is an archive too, and is not one of files that somebody packed."""
_LONGEST, _DEEPEST = 200, 12
"""Bytes of a name between two slashes, and how many folders deep a file may lie."""
_CHUNK = 1024 * 1024
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_PICKLE = "/data.pkl"
"""The end of the name of a member that every archive of torch has."""
_KERAS = frozenset({"config.json", "metadata.json", "model.weights.h5"})
_OLD_TORCH = frozenset({"sys_info", "pickle", "tensors", "storages"})


def is_folder_archive(path: Path) -> bool:
    """True for an archive of ordinary files; False for formats that are archives themselves: torch's, Keras's, .npz."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(512)
    if start[:4] == _ZIP:
        return not _is_format(_names(path))
    if start[:2] == _GZIP:
        try:
            with gzip.open(path) as file:
                start = file.read(512)
        except (OSError, EOFError, zlib.error):
            return False
    return start[257:262] == b"ustar" and start[:100].rstrip(b"\0").decode(errors="replace") not in _OLD_TORCH


def _names(path: Path) -> list[str]:
    """Raises: BadArtifactError."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path, error) from None


def _is_format(names: list[str]) -> bool:
    torch = any(name.endswith(_PICKLE) for name in names)
    return torch or set(names) >= _KERAS or (bool(names) and all(name.endswith(".npy") for name in names))


def unpack(path: Path, folder: Path, *, largest: int, most: int = MAX_FILES) -> Path:
    """Write the files of the archive `path` into the new `folder`; gives what `unpacked` gives of it.

    `largest` is the number of bytes that come out at most, `most` that of files and folders. Raises: BadArtifactError,
    UnsafeArtifactError.
    """
    folder.mkdir()
    taken: set[str] = set()
    left = largest
    try:
        for name, member in _zipped(path, most) if _starts_with(path, _ZIP) else _tarred(path, largest, most):
            place = _place(path, name, taken, most)
            target = folder / place
            if member is None:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as written:
                while chunk := member.read(min(_CHUNK, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        raise _too_large(path, largest)
                    written.write(chunk)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise _damaged(path, error) from None
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _unsafe(path, f"two of its members would be one file, {Path(str(error.filename)).name!r}") from None
    return unpacked(folder)


def unpacked(folder: Path) -> Path:
    """`folder`, which an archive was written to, or the one folder that lies in it."""
    inside = [one for one in folder.iterdir() if one.name != "__MACOSX"]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _zipped(path: Path, most: int) -> Iterator[tuple[str, IO[bytes] | None]]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members[: most + 1]:
            kind = member.external_attr >> 16
            if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)) and stat.S_IFMT(kind):
                raise _unsafe(path, f"{member.filename[:80]!r} is a link or a device")
            if member.flag_bits & 1:
                raise BadArtifactError(f"{path.name!r} is encrypted", remedy="Unpack it and give the folder")
            if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise BadArtifactError(
                    f"{path.name!r} is compressed in an unusual way", remedy="Unpack it and give the folder"
                )
            if member.is_dir():
                yield member.filename, None
                continue
            with archive.open(member) as content:
                yield member.filename, content


def _tarred(path: Path, largest: int, most: int) -> Iterator[tuple[str, IO[bytes] | None]]:
    with path.open("rb") as file:
        plain = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if _starts_with(path, _GZIP) else file
        with tarfile.open(fileobj=cast("IO[bytes]", _Counted(plain, path, largest, most)), mode="r|") as archive:
            for member in archive:
                if member.isdir():
                    yield member.name, None
                    continue
                content = archive.extractfile(member) if member.isreg() and not member.issparse() else None
                if content is None:
                    raise _unsafe(path, f"{member.name[:80]!r} is a link or a device")
                yield member.name, content


class _Counted:
    """Reads `file` and stops after `largest` bytes: headers of a tar archive are as large as they say."""

    def __init__(self, file: IO[bytes], path: Path, largest: int, most: int) -> None:
        self._file, self._path, self._largest = file, path, largest
        self._left = largest + (most + 2) * 1024  # a header and the padding of each member

    def read(self, size: int) -> bytes:
        found = self._file.read(min(size, _CHUNK))
        self._left -= len(found)
        if self._left < 0:
            raise _too_large(self._path, self._largest)
        return found


def _place(path: Path, name: str, taken: set[str], most: int) -> PurePosixPath:
    """Where a member goes. Raises: UnsafeArtifactError for a name that leads elsewhere, or that came before."""
    parts = name.rstrip("/").removeprefix("./").split("/")
    wrong = (
        name.startswith("/")
        or len(parts) > _DEEPEST
        or any(part in {"", ".", ".."} or len(part.encode()) > _LONGEST for part in parts)
        or any(letter in name for letter in "\\\0:\n")
    )
    if name.rstrip("/") in {".", ""}:
        return PurePosixPath()
    if wrong:
        raise _unsafe(path, f"the name {name[:80]!r} may lead out of it")
    place = PurePosixPath(*parts)
    if str(place).casefold() in taken:
        raise _unsafe(path, f"{name[:80]!r} occurs twice")
    taken.add(str(place).casefold())
    if len(taken) > most:
        raise _unsafe(path, f"it holds more than {most:,} files")
    return place


def _too_large(path: Path, largest: int) -> UnsafeArtifactError:
    return _unsafe(path, f"it unpacks to more than {largest:,} bytes")


def _unsafe(path: Path, why: str) -> UnsafeArtifactError:
    return UnsafeArtifactError(
        f"The archive {path.name!r} is not opened: {why}", remedy="Unpack it yourself, look, and give the folder"
    )


def _damaged(path: Path, error: Exception) -> BadArtifactError:
    return BadArtifactError(f"{path.name!r} is a damaged archive: {error}"[:300], remedy="Get the file again")
