"""Who read the files of which version, with which token, on which day."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from registry.domain.names import VersionRef


@dataclass(frozen=True, slots=True)
class Download:
    """What one person read of one version on one day (UTC) with one token."""

    person: str
    token: str
    """Its id; empty for a pull on the machine of the registry folder."""
    ref: VersionRef
    first_at: datetime
    last_at: datetime
    reads: int
    """Requests for a file, or for a part of one; a pull on the own machine is one."""

    @property
    def day(self) -> str:
        """As YYYY-MM-DD, in UTC."""
        return f"{self.first_at:%Y-%m-%d}"


@dataclass(slots=True)
class Unwritten:
    """What was read since the last writing; the same person, token, version and day are one."""

    _found: dict[tuple[str, str, VersionRef, str], Download] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, read: Download) -> None:
        """Count it."""
        key = (read.person, read.token, read.ref, read.day)
        with self._lock:
            before = self._found.get(key)
            if before is not None:
                reads, last = before.reads + read.reads, max(before.last_at, read.last_at)
                read = replace(before, reads=reads, last_at=last)
            self._found[key] = read

    def take(self) -> list[Download]:
        """All of it, which is then no longer here."""
        with self._lock:
            taken, self._found = self._found, {}
        return list(taken.values())
