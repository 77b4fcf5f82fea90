"""How much the uploads of one person hold, in a file beside them: written at each change, counted anew when it is old.

Every process of the server reads and writes it under a lock of the system, so no upload has to look at the others.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NAME = ".held"
RECOUNTED_SECONDS = 3600
"""How old what was counted may be: a process that ended in between has left it wrong."""


@dataclass(slots=True)
class Held:
    """How many files there are, and their bytes; change both before the block ends."""

    files: int
    size: int


@contextmanager
def held(own: Path) -> Iterator[Held]:
    """What the folder `own` of a person holds, which nobody else changes meanwhile."""
    with (own / NAME).open("a+") as record:
        fcntl.flock(record, fcntl.LOCK_EX)
        record.seek(0)
        counted_at, found = _read(record.read())
        if found is None or not 0 <= time.time() - counted_at < RECOUNTED_SECONDS:
            counts = [counted(one) for one in own.iterdir() if one.is_dir()]
            counted_at = time.time()
            found = Held(sum(one.files for one in counts), sum(one.size for one in counts))
        yield found
        record.truncate(0)
        record.write(f"{counted_at} {found.files} {found.size}")


def counted(folder: Path) -> Held:
    """The files of one upload."""
    found = Held(0, 0)
    for where, _, names in os.walk(folder):
        for name in names:
            found.files, found.size = found.files + 1, found.size + Path(where, name).stat().st_size
    return found


def _read(text: str) -> tuple[float, Held | None]:
    try:
        counted_at, files, size = text.split()
        return float(counted_at), Held(int(files), int(size))
    except ValueError:
        return 0.0, None
