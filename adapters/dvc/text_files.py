"""Text files as people save them: UTF-8, and what else a file can be is named, with what to do."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from registry.errors import BadDataError

_OTHERS = (
    (codecs.BOM_UTF16_LE, "is in UTF-16, as Excel saves “Unicode text”", "Save it as CSV UTF-8"),
    (codecs.BOM_UTF16_BE, "is in UTF-16", "Save it as UTF-8"),
    (b"\x1f\x8b", "is compressed by gzip", "Unpack it first"),
    (b"BZh", "is compressed by bzip2", "Unpack it first"),
    (b"\xfd7zXZ\x00", "is compressed by xz", "Unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd", "Unpack it first"),
    (b"PK\x03\x04", "is a zip archive or an Excel workbook", "Unpack it, or save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook", "Save the sheet as CSV UTF-8"),
)
_PIECE = 1 << 20


def refuse_others(path: Path, name: str) -> None:
    """Raises: BadDataError for a file whose first bytes say that it is no UTF-8 text."""
    with path.open("rb") as stream:
        head = stream.read(8)
    for magic, what, remedy in _OTHERS:
        if head.startswith(magic):
            raise BadDataError(f"{name!r} {what}", remedy=remedy)


@contextmanager
def open_text(path: Path, name: str, *, newline: str | None = None) -> Iterator[TextIO]:
    """The text of `path`, without a byte order mark. Raises: BadDataError, also while it is read."""
    refuse_others(path, name)
    with path.open(encoding="utf-8-sig", newline=newline) as stream:
        try:
            yield stream
        except UnicodeDecodeError:
            raise _not_utf8(path, name) from None


def _not_utf8(path: Path, name: str) -> BadDataError:
    """Where the first byte stands that is not UTF-8, counted from the beginning of the file."""
    decoder, before, lines = codecs.getincrementaldecoder("utf-8")(), 0, 1
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                at = before - pending + error.start
                lines += piece[: max(0, error.start - pending)].count(b"\n")
                return BadDataError(f"{name!r} is not UTF-8: line {lines}, byte {at}", remedy="Convert it to UTF-8")
            before, lines = before + len(piece), lines + piece.count(b"\n")
    return BadDataError(f"{name!r} ends in the middle of a character", remedy="Convert it to UTF-8")
