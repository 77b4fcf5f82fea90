"""Signed checkpoints of the audit log: taken after a commit where one is due, kept in files outside the database."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Engine, func, select

from registry.domain.audit import Event
from registry.domain.backups import Signatures
from registry.domain.verifier import Checkpoint, PublicKey, UnreadableError, read_checkpoints, written_checkpoints
from registry.errors import AuditBrokenError, RegistryError, UnavailableError
from registry.files import write_whole
from registry.storage.audit.keys import KeyFiles
from registry.storage.audit.timestamps import TimestampFiles
from registry.storage.audit.tree import Grown, grow, root_at
from registry.storage.sql.engines import begin_reading, begin_writing
from registry.storage.tables import audit_entry

FILE = "checkpoints.txt"
_ALWAYS_AFTER = "model_version.promoted"
_TAIL = 4096
"""Bytes at the end of a file of checkpoints; the last one is among them."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a checkpoint is due, and where it is written besides the registry folder."""

    entries: int
    """After so many new entries; 0: never for that reason."""
    seconds: int
    """After the first change so many seconds after the last one; 0: never for that reason."""
    anchors: tuple[Path, ...] = ()
    """A folder gets one file for each checkpoint; any other path is a file that they are appended to."""


class Checkpoints:
    """Implements `Checkpointing` in the folder `audit` of the registry folder."""

    def __init__(self, engine: Engine, folder: Path, rule: Rule) -> None:
        self._engine = engine
        self._folder = folder
        self._rule = rule
        self._keys = KeyFiles(folder)
        self._timestamps = TimestampFiles(folder, rule.anchors)
        self._read: tuple[tuple[int, int, int], Checkpoint | None] | None = None
        """The last checkpoint when it was read, beside what the file was then: its number, size and time of change."""

    def prepare(self) -> None:
        """Make the first key where there is none. Raises: UnavailableError."""
        try:
            self._keys.ensure()
        except OSError as error:
            raise UnavailableError(f"The key that signs the audit log cannot be written: {error.strerror}") from error

    def after(self, size: int, events: Iterable[Event]) -> None:
        """After a commit: take a checkpoint if one is due. One that cannot be taken is logged: the commit stands."""
        try:
            if self._due(size, events):
                self.take()
        except RegistryError as error:
            _log.warning("No checkpoint of the audit log could be signed: %s", error)

    def take_if_due(self) -> None:
        """Take one if one is due by now and something was added; called each minute by a server, and by `tick`."""
        connection = begin_reading(self._engine)
        try:
            size = connection.execute(select(func.max(audit_entry.c.seq))).scalar() or 0
        finally:
            connection.close()
        try:
            last = self._last()
        except AuditBrokenError as error:
            _log.warning("No checkpoint of the audit log could be signed: %s", error)
            return
        if size and (last is None or last.size < size):
            self.after(size, ())

    def take(self) -> Checkpoint | None:
        """Sign the log as it is now; None while it is empty. The last checkpoint, if nothing was added since.

        Raises: AuditBrokenError for a log that does not begin with what was signed before; UnavailableError.
        """
        grown = self._grown()
        last = self._last()
        if last is not None:
            self._require_same_beginning(last, grown)
        if grown.size == 0 or (last is not None and last.size == grown.size):
            return last
        try:
            one = self._keys.sign(grown.size, grown.root)
            _append(self._folder / FILE, one)
            for anchor in self._rule.anchors:
                _anchor(anchor, one)
        except OSError as error:
            raise UnavailableError(
                f"A checkpoint of the audit log cannot be written: {error.filename}: {error.strerror}"
            ) from error
        except UnreadableError as error:
            raise AuditBrokenError(f"A file of checkpoints cannot be read: {error}") from error
        return one

    def all(self) -> Sequence[Checkpoint]:
        """Every checkpoint in the registry folder. Raises: AuditBrokenError."""
        file = self._folder / FILE
        try:
            return read_checkpoints(file.read_text("utf-8"))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            raise AuditBrokenError(f"{file} cannot be read as checkpoints: {error}") from error

    def newest(self) -> Checkpoint | None:
        """The last checkpoint; None before the first. Raises: AuditBrokenError."""
        return self._last()

    def timestamp(self, size: int) -> bytes | None:
        """What a timestamp authority answered about the checkpoint of `size` entries. Raises: UnavailableError."""
        return self._timestamps.read(size)

    def timestamps(self) -> dict[int, bytes]:
        """All of them, by the number of entries. Raises: UnavailableError."""
        return self._timestamps.all()

    def keep_timestamp(self, one: Checkpoint, answer: bytes) -> None:
        """Keep what it answered, in the anchors as well. Raises: UnavailableError."""
        self._timestamps.keep(one.size, answer)

    def keys(self) -> Sequence[PublicKey]:
        """The public keys, the present one last. Raises: AuditBrokenError."""
        return self._keys.public()

    def signed(self, text: bytes) -> bytes:
        """The signature of the present key over `text`. Raises: AuditBrokenError, UnavailableError."""
        try:
            return self._keys.signature(text)
        except OSError as error:
            raise UnavailableError(f"The key that signs the audit log cannot be read: {error.strerror}") from error

    def rotate(self) -> PublicKey:
        """Sign with a new key from now on. Raises: AuditBrokenError, UnavailableError."""
        try:
            return self._keys.rotate()
        except OSError as error:
            raise UnavailableError(f"The key that signs the audit log cannot be written: {error.strerror}") from error

    def copied(self, *, private: bool) -> Signatures:
        """The checkpoints and public keys, and with `private` the key that signs. Raises: AuditBrokenError."""
        keys = tuple(self.keys())
        return Signatures(tuple(self.all()), keys, self._keys.private() if private else None, self.timestamps())

    def adopt(self, signatures: Signatures) -> None:
        """Make these the checkpoints and keys of a registry folder that has none. Raises: OSError."""
        self._keys.adopt(signatures.keys, signatures.private)
        if signatures.checkpoints:
            write_whole(self._folder / FILE, written_checkpoints(signatures.checkpoints).encode(), private=True)
        self._timestamps.adopt(signatures.timestamps)

    def _due(self, size: int, events: Iterable[Event]) -> bool:
        if any(event.action == _ALWAYS_AFTER for event in events):
            return True
        last, written_at = self._last_and_when()
        if self._rule.entries and size - (last.size if last else 0) >= self._rule.entries:
            return True
        if not self._rule.seconds:
            return False
        return last is None or not 0 <= time.time() - written_at < self._rule.seconds

    def _last(self) -> Checkpoint | None:
        file = self._folder / FILE
        try:
            with file.open("rb") as opened:
                return _newest(opened)
        except FileNotFoundError:
            return None
        except (OSError, UnreadableError) as error:
            raise AuditBrokenError(f"The last checkpoint in {file} cannot be read: {error}") from error

    def _last_and_when(self) -> tuple[Checkpoint | None, float]:
        """The last checkpoint, and when its file was written; it is read again only if it was written again."""
        try:
            found = os.stat(self._folder / FILE)  # noqa: PTH116 - with each change
        except OSError:
            return self._last(), 0.0
        state = found.st_ino, found.st_size, found.st_mtime_ns
        if self._read is None or self._read[0] != state:
            self._read = state, self._last()
        return self._read[1], found.st_mtime

    def _grown(self) -> Grown:
        while True:
            connection = begin_writing(self._engine)
            try:
                grown = grow(connection)
                connection.commit()
            finally:
                connection.close()
            if grown.whole:
                return grown

    def _require_same_beginning(self, last: Checkpoint, grown: Grown) -> None:
        """Never sign two logs of which one does not begin with the other."""
        if grown.size < last.size:
            raise AuditBrokenError(f"A checkpoint of {last.size} entries was signed, and the log has {grown.size}")
        connection = begin_reading(self._engine)
        try:
            same = root_at(connection, last.size) == last.root
        finally:
            connection.close()
        if not same:
            raise AuditBrokenError(
                f"The first {last.size} entries of the log are not those that a checkpoint was signed for",
                remedy="Run: forebear audit verify",
            )


def _newest(opened: BinaryIO) -> Checkpoint | None:
    """The last checkpoint of an open file. Raises: OSError, UnreadableError."""
    size = opened.seek(0, os.SEEK_END)
    opened.seek(max(0, size - _TAIL))
    blocks = [block for block in opened.read().decode(errors="replace").split("\n\n") if block.strip()]
    return read_checkpoints("\n\n".join(blocks[-2:]))[0] if blocks else None


def _append(file: Path, one: Checkpoint) -> None:
    """Add it, unless another process has added a newer one meanwhile. Raises: OSError, UnreadableError."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        newest = _newest(opened)
        if newest is None or newest.size < one.size:
            opened.seek(0, os.SEEK_END)
            opened.write(f"{one}\n".encode())
            opened.flush()
            os.fsync(opened.fileno())


def _anchor(place: Path, one: Checkpoint) -> None:
    if place.is_dir():
        write_whole(place / f"{one.size:012d}.txt", f"{one}\n".encode(), replace=False)
    else:
        _append(place, one)
