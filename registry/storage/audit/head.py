"""The newest audit entry as a small file in the registry folder, beside the database.

Who rewrites or cuts the log in the database has to change this file as well. It is no signature: somebody with both in
hand can forge both.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from pathlib import Path

from lineage import Digest, LineageError
from registry.domain.audit import GENESIS, Head, HeadRecord, Span
from registry.errors import AuditBrokenError
from registry.files import write_whole

_log = logging.getLogger(__name__)
FILE = "audit-head.json"
_LARGEST = 1_000_000
"""Bytes that are read of the file; one span takes about 15."""


class HeadFile:
    """The record in one file. Processes take turns by a lock on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[bytes, HeadRecord] | None = None
        """What this process wrote last, which need not be parsed again."""

    def read(self) -> HeadRecord | None:
        """The record, None before the first commit. Raises: AuditBrokenError for a file that is no record."""
        try:
            with self._path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                found = file.read(_LARGEST)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AuditBrokenError(f"{self._path} cannot be read: {error.strerror}") from error
        return self._parsed(found)

    def write(self, record: HeadRecord) -> None:
        """Make `record` the record. Raises: OSError."""
        write_whole(self._path, _written(record), private=True)

    def advance(self, before: Head, after: Head) -> None:
        """Record a commit, after it is durable. A file that cannot be written is logged: the commit stands."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                found = os.read(descriptor, _LARGEST)
                record = self._next(found, before, after)
                written = _written(record)
                os.pwrite(descriptor, written, 0)
                if len(written) < len(found):
                    os.ftruncate(descriptor, len(written))
                self._last = written, record
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.warning("The newest audit entry could not be recorded in %s: %s", self._path, error)

    def _next(self, found: bytes, before: Head, after: Head) -> HeadRecord:
        if not found:
            return HeadRecord(after)
        last = self._last
        if last is not None and last[0] == found:
            return last[1].advanced(before, after)
        try:
            record = self._parsed(found)
        except AuditBrokenError as error:
            _log.warning("%s; it is written anew", error.message)
            record = HeadRecord(Head(0, GENESIS))
        return record.advanced(before, after)

    def _parsed(self, found: bytes) -> HeadRecord:
        try:
            parts = json.loads(found)
            gaps = tuple(Span(int(first), int(last)) for first, last in parts["gaps"])
            return HeadRecord(Head(int(parts["seq"]), Digest(parts["entry"])), gaps)
        except (ValueError, KeyError, TypeError, LineageError) as error:
            raise AuditBrokenError(f"{self._path} is not a record of the newest audit entry") from error


def _written(record: HeadRecord) -> bytes:
    parts = {
        "seq": record.head.seq,
        "entry": record.head.entry.hex,
        "gaps": [(gap.first, gap.last) for gap in record.gaps],
    }
    return json.dumps(parts).encode() + b"\n"
