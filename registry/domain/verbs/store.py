"""Verbs of the blob store: check what versions need, and restore what is damaged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from registry.domain.objects import CheckReport, CollectReport, RepairReport, StoreCheck, StoreStats

GRACE = timedelta(hours=24)
"""How long an object that nothing needs is kept at least."""


class StoreVerbs(Protocol):
    """The stored objects of all versions."""

    def verify(
        self,
        *,
        restart: bool = False,
        rate: int | None = None,
        seconds: float | None = None,
        watch: Callable[[StoreCheck], None] | None = None,
    ) -> CheckReport:
        """Read every object that a live version needs, and mark the versions of which one is missing or was changed.

        Goes on with the last check where that has not ended, unless `restart`. `rate` is the most bytes that are read
        in a second; after `seconds` the check stops where it is, to be continued. `watch` is called after each batch.
        Raises: PermissionDeniedError for anyone but an admin.
        """
        ...

    def last_check(self) -> CheckReport | None:
        """How far the last check is or was, and the damage that is on record; None when there was never a check."""
        ...

    def repair(self, source: Path, *, origin: str | None = None) -> RepairReport:
        """Restore what is marked as damaged from files in the folder `source` that have the right digest.

        The audit log names `origin` as the place where they came from (None: the folder itself).

        Raises: PermissionDeniedError for anyone but an admin, NotFoundError, NoSpaceError.
        """
        ...

    def collect(self, *, grace: timedelta = GRACE, delete: bool = False) -> CollectReport:
        """Count the objects that nothing needs, and with `delete` remove them.

        Those that were put within `grace` before now, or by a publication that still goes on, are kept. Raises:
        PermissionDeniedError for anyone but an admin, UnavailableError for `delete` while a backup is made.
        """
        ...

    def stats(self) -> StoreStats:
        """How much there is in the store, and which models and datasets need it."""
        ...
