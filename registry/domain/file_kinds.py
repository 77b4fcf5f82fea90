"""What the files of a model are, told by their first bytes and their names: an allow-list of kinds that only hold data.

Everything else may run code when it is opened, or is of a kind that the registry does not know, and counts as such. No
file is loaded. A scanner for malicious code is a weaker boundary: those that exist miss some of it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

START = 4096
"""Bytes at the beginning of a file that its kind is told by."""
NAMED = 3
"""Files that a scan names, of those that it counts as executable."""


class FileKind(StrEnum):
    """What a file is."""

    SAFETENSORS = "safetensors"
    GGUF = "gguf"
    JSON = "json"
    TEXT = "text"
    PICKLE = "pickle"
    """It calls what it names when it is loaded; so does an array of objects in NumPy's format."""
    ARCHIVE = "archive"
    """It may hold any of the others."""
    PROGRAM = "program"
    SCRIPT = "script"
    UNKNOWN = "unknown"

    @property
    def holds_only_data(self) -> bool:
        """True where to open it runs nothing of its own."""
        return self in {FileKind.SAFETENSORS, FileKind.GGUF, FileKind.JSON, FileKind.TEXT}


@dataclass(frozen=True, slots=True)
class FileScan:
    """What the files of one version are. `executable` are those that do not only hold data, `unknown` ones included."""

    executable: int
    unknown: int
    formats: tuple[str, ...]
    named: tuple[str, ...] = ()
    """The first of the executable ones, each with its kind."""

    @classmethod
    def of(cls, files: Iterable[tuple[str, FileKind]]) -> FileScan:
        """The scan of files given by path and kind."""
        found = sorted(files)
        counts = Counter(kind for _, kind in found)
        risky = [f"{path} ({kind})" for path, kind in found if not kind.holds_only_data]
        return cls(len(risky), counts[FileKind.UNKNOWN], tuple(sorted(counts)), tuple(risky[:NAMED]))


_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib", ".npy")
_SCRIPTS = (
    ".py", ".pyw", ".sh", ".bash", ".js", ".mjs", ".ts", ".rb", ".pl", ".php", ".lua", ".r", ".jl", ".ps1", ".bat",
    ".cmd", ".html", ".htm", ".svg", ".ipynb", ".jinja", ".j2",
)  # fmt: skip
_PROGRAMS = (
    b"\x7fELF",
    b"MZ",
    b"\xfe\xed\xfa",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\0asm",
)
_ARCHIVES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf'\x1c",
    b"Rar!",
    b"\x28\xb5\x2f\xfd",
)
_TAR = slice(257, 262)


def kind_of(path: str, start: bytes, size: int) -> FileKind:
    """What a file of `size` bytes is that begins with `start`, which holds its first `START` bytes, or all of it."""
    name, ending = path.lower(), PurePosixPath(path.lower()).suffix
    if ending == ".safetensors":  # what reads it reads nothing else, whatever its first bytes could be besides
        return FileKind.SAFETENSORS if _has_header(start, size) else FileKind.UNKNOWN
    if start.startswith(_PROGRAMS):
        return FileKind.PROGRAM
    if start.startswith(_ARCHIVES) or start[_TAR] == b"ustar":
        return FileKind.ARCHIVE
    if name.endswith(_PICKLES) or (start[:1] == b"\x80" and b"\x02" <= start[1:2] <= b"\x05"):
        return FileKind.PICKLE
    if name.endswith(_SCRIPTS) or start.startswith(b"#!"):
        return FileKind.SCRIPT
    if start.startswith(b"GGUF"):
        return FileKind.GGUF
    if not _is_text(start, whole=size <= len(start)):
        return FileKind.UNKNOWN
    return FileKind.JSON if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["} else FileKind.TEXT


def _has_header(start: bytes, size: int) -> bool:
    """Whether it begins with the length of a header that fits in, and the header is JSON as far as is seen."""
    length = int.from_bytes(start[:8], "little")
    header = start[8 : 8 + length]
    if not 2 <= length <= size - 8 or header[:1] != b"{":
        return False
    if len(header) < length:
        return True
    try:
        return isinstance(json.loads(header), dict)
    except (ValueError, RecursionError):
        return False


def _is_text(start: bytes, *, whole: bool) -> bool:
    """UTF-8 without control characters; a sample may end within a character."""
    for end in range(len(start), max(len(start) - (1 if whole else 4), -1), -1):
        try:
            return not re.search(r"[\x00-\x08\x0e-\x1f]", start[:end].decode())
        except UnicodeDecodeError:
            continue
    return False
