"""The database as a whole, as storage copies it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class WholeDatabase(Protocol):
    """Everything that a unit of work sees."""

    def revision(self) -> str:
        """Which migrations its tables have."""
        ...

    def rows(self) -> Mapping[str, int]:
        """How many rows each table has."""
        ...

    def copy_to(self, file: Path) -> None:
        """Write all of it into the new SQLite file `file`, which only its owner may read. Raises: NoSpaceError."""
        ...
