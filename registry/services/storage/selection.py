"""Selection reports as storage keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from registry.domain.names import VersionRef
from registry.domain.selection.report import SelectionReport


class SelectionRepository(Protocol):
    """Selection reports; they are never changed."""

    def add(self, report: SelectionReport) -> None: ...
    def get(self, report_id: str) -> SelectionReport | None: ...
    def newest(self, *, dataset: VersionRef | None, limit: int) -> Sequence[SelectionReport]: ...
