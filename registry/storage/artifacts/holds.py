"""Publications in progress, seen by every process that uses the folder: what they put is not collected.

A publication holds an empty file in `holds` locked (flock) until it ends; the kernel lets go of the lock when the
process dies. The collector removes nothing that was put after the oldest hold began. All times are those of the file
system that has the folder, so that machines with other clocks agree. Adding and removing a blob exclude each other by
the lock of one file, so that a blob which is put again at the moment of its removal stays.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry.errors import UnavailableError
from registry.files import abandoned, locked_file


class Holds:
    """The holds on the store in the folder `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root / "holds"

    @contextmanager
    def hold(self) -> Iterator[Path]:
        """Keep everything that is put inside the `with`, and dated no earlier than the file that this gives."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with locked_file(self._folder) as held:
            yield held

    def oldest(self) -> float:
        """When the oldest hold began, or now when there is none: seconds by the clock of the file system."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with locked_file(self._folder) as probe:
            begun = [probe.stat().st_mtime]
            for path in self._folder.iterdir():
                with suppress(FileNotFoundError):
                    since = path.stat().st_mtime
                    with abandoned(path) as free:
                        if not free:
                            begun.append(since)
        return min(begun)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Shared by the backups that are made: nothing is removed meanwhile. Waits for a removal that goes on."""
        with self._lock(".keep", fcntl.LOCK_SH):
            yield

    @contextmanager
    def removing(self) -> Iterator[None]:
        """No backup is made inside the `with`. Raises: UnavailableError while one is."""
        with self._lock(".keep", fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nobody else adds or removes a blob inside the `with`."""
        with self._lock(".lock", fcntl.LOCK_EX):
            yield

    @contextmanager
    def _lock(self, name: str, how: int) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._root / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, how)
            except BlockingIOError:
                raise UnavailableError(
                    "Nothing can be removed while a backup is made", remedy="Try again when it has ended"
                ) from None
            yield
        finally:
            os.close(handle)
