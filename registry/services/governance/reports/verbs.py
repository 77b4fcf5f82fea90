"""The verbs of reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from registry.domain.governance.reports.annex_iv import AnnexIv
from registry.domain.governance.reports.inventory import InventoryLine, NamedThen
from registry.domain.names import Reference
from registry.domain.paging import Page, PageRequest
from registry.services.context import Context
from registry.services.governance.reports.annex_iv import annex_iv
from registry.services.governance.reports.inventory import inventory, named_then
from registry.services.governance.reports.statement import promotion_statement


@dataclass(frozen=True, slots=True)
class Reports:
    """Implements `ReportVerbs` over a unit of work."""

    context: Context

    def inventory(
        self, *, stage: str | None = None, tier: str | None = None, page: PageRequest = PageRequest()
    ) -> Page[InventoryLine]:
        """Every version in an approved stage, oldest first."""
        return inventory(self.context, stage, tier, page)

    def named_then(self, alias: str, at: datetime, page: PageRequest = PageRequest()) -> Page[NamedThen]:
        """Over all models, the versions that had this alias just before `at`."""
        return named_then(self.context, alias, at, page)

    def statement(self, request_id: str) -> Mapping[str, object]:
        """What a promotion found out about its version: an in-toto statement in an envelope that is signed."""
        return promotion_statement(self.context, request_id)

    def annex_iv(self, reference: Reference) -> AnnexIv:
        """The technical documentation of a version by Annex IV of the EU AI Act, with what is not on record."""
        return annex_iv(self.context, reference)
