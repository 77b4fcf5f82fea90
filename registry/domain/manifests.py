"""Content digests: what exactly a version is.

A version's content digest is SHA-256 over RFC 8785 (JSON Canonicalization Scheme) of its payload files, sorted by path.
Card, tags, descriptions and times stay outside. A dataset's manifest also names its row index (labels and splits), so
that two splits of the same files are two dataset versions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

import rfc8785

from lineage import Digest
from registry.domain.credentials import by_form, refuse_credentials
from registry.errors import InvalidError


@dataclass(frozen=True, slots=True, order=True)
class FileEntry:
    """One payload file: a relative POSIX path, its size in bytes and its SHA-256.

    Raises: InvalidError for a path that is absolute, empty, climbs (`..`) or holds a control character or a backslash.
    """

    path: str
    size: int
    sha256: Digest

    def __post_init__(self) -> None:
        check_path(self.path)


def check_path(path: str) -> str:
    """`path` if it is a clean relative POSIX path. Raises: InvalidError."""
    parts = path.split("/")
    bad = (
        not path
        or len(path.encode("utf-8", "surrogatepass")) > 1024
        or any(part in {"", ".", ".."} for part in parts)
        or any(ord(char) < 32 or char in "\\\x7f" for char in path)
        or any("\ud800" <= char <= "\udfff" for char in path)
        or str(PurePosixPath(path)) != path
    )
    if bad:
        raise InvalidError(f"{path[:120]!r} is not a clean relative path", remedy="Rename the file")
    if any(by_form(path)):
        refuse_credentials(path, "path of a file")
    return path


@dataclass(frozen=True, slots=True)
class Manifest:
    """The sorted payload files of one version, and of a dataset also the digest of its row index."""

    files: tuple[FileEntry, ...]
    rows: Digest | None = None

    @classmethod
    def of(cls, files: Iterable[FileEntry], rows: Digest | None = None) -> Manifest:
        """Sort and check. Raises: InvalidError when empty or when a path occurs twice."""
        ordered = tuple(sorted(files, key=lambda entry: entry.path))
        if not ordered:
            raise InvalidError("There are no files to register")
        for one, two in pairwise(ordered):
            if one.path == two.path:
                raise InvalidError(f"The path {one.path!r} occurs twice")
        return cls(ordered, rows)

    @property
    def canonical(self) -> bytes:
        """The RFC 8785 bytes that are hashed."""
        document: dict[str, object] = {
            "files": [{"path": f.path, "sha256": f.sha256.hex, "size": f.size} for f in self.files]
        }
        if self.rows is not None:
            document["rows"] = self.rows.hex
        return canonical_json(document)

    @property
    def digest(self) -> Digest:
        """The content digest."""
        return Digest.of(self.canonical)

    @property
    def size(self) -> int:
        """Bytes in all files together."""
        return sum(f.size for f in self.files)


def canonical_json(document: object) -> bytes:
    """RFC 8785 bytes of `document`. Raises: InvalidError for what it cannot hold (NaN, integers over 2^53)."""
    try:
        return rfc8785.dumps(document)  # type: ignore[arg-type]
    except rfc8785.CanonicalizationError as error:
        raise InvalidError(f"This cannot be written as canonical JSON: {error}") from error
