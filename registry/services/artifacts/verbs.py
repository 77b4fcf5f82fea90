"""The verbs of the blob store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from registry.domain.objects import CheckReport, CollectReport, RepairReport, StoreCheck, StoreStats
from registry.domain.verbs.store import GRACE
from registry.services.artifacts.checking import check_objects, last_report
from registry.services.artifacts.collecting import collect, stats
from registry.services.artifacts.repairing import repair
from registry.services.context import Context


@dataclass(frozen=True, slots=True)
class Store:
    """Implements `StoreVerbs`."""

    context: Context

    def verify(
        self,
        *,
        restart: bool = False,
        rate: int | None = None,
        seconds: float | None = None,
        watch: Callable[[StoreCheck], None] | None = None,
    ) -> CheckReport:
        """Check every object that a live version needs; see `registry.services.artifacts.checking`."""
        return check_objects(self.context, restart=restart, rate=rate, seconds=seconds, watch=watch)

    def last_check(self) -> CheckReport | None:
        """How far the last check is or was, and the damage that is on record."""
        with self.context.read() as uow:
            return last_report(uow)

    def repair(self, source: Path, *, origin: str | None = None) -> RepairReport:
        """Restore what is damaged; see `registry.services.artifacts.repairing`."""
        return repair(self.context, source, origin=origin)

    def collect(self, *, grace: timedelta = GRACE, delete: bool = False) -> CollectReport:
        """Count or remove what nothing needs; see `registry.services.artifacts.collecting`."""
        return collect(self.context, grace=grace, delete=delete)

    def stats(self) -> StoreStats:
        """How much there is in the store, and which models and datasets need it."""
        return stats(self.context)
