"""The verbs of the blob store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry.domain.objects import CheckReport, RepairReport, StoreCheck
from registry.services.artifacts.checking import check_objects, last_report
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

    def repair(self, source: Path) -> RepairReport:
        """Restore what is damaged; see `registry.services.artifacts.repairing`."""
        return repair(self.context, source)
