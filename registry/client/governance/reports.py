"""The verbs of reports over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from registry.client.transport.addresses import paging, part
from registry.client.transport.connection import Connection
from registry.domain.governance.reports.annex_iv import AnnexIv
from registry.domain.governance.reports.inventory import InventoryLine, NamedThen
from registry.domain.names import Reference
from registry.domain.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class RemoteReports:
    """Implements `ReportVerbs`."""

    server: Connection

    def inventory(
        self, *, stage: str | None = None, tier: str | None = None, page: PageRequest = PageRequest()
    ) -> Page[InventoryLine]:
        """Every version in an approved stage, oldest first."""
        return self.server.get(Page[InventoryLine], "/inventory", {"stage": stage, "tier": tier, **paging(page)})

    def named_then(self, alias: str, at: datetime, page: PageRequest = PageRequest()) -> Page[NamedThen]:
        """Over all models, the versions that had this alias just before `at`."""
        return self.server.get(Page[NamedThen], "/as-of/aliases", {"alias": alias, "at": at, **paging(page)})

    def statement(self, request_id: str) -> Mapping[str, object]:
        """What a promotion found out about its version, signed."""
        return self.server.get(dict[str, object], f"/promotions/{part(request_id)}/statement")

    def annex_iv(self, reference: Reference) -> AnnexIv:
        """The technical documentation of a version by Annex IV of the EU AI Act."""
        return self.server.get(AnnexIv, "/annex-iv", {"reference": reference})
