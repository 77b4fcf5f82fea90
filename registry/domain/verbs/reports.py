"""Verbs of reports: the inventory, what an alias named, and the documentation of one version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from registry.domain.governance.reports.annex_iv import AnnexIv
from registry.domain.governance.reports.inventory import InventoryLine, NamedThen
from registry.domain.names import Reference
from registry.domain.paging import Page, PageRequest


class ReportVerbs(Protocol):
    """Reports about many versions, or about one for an authority: they read what is recorded and decide nothing."""

    def inventory(
        self, *, stage: str | None = None, tier: str | None = None, page: PageRequest = PageRequest()
    ) -> Page[InventoryLine]:
        """Every version in an approved stage, oldest first: neither the first one nor `retired`, unless `stage` is.

        A page can have fewer lines than were asked for where `tier` leaves some out. Raises: IntegrityError for a
        decision that was changed.
        """
        ...

    def named_then(self, alias: str, at: datetime, page: PageRequest = PageRequest()) -> Page[NamedThen]:
        """Over all models, the versions that had this alias just before `at`, and whether each was allowed then.

        Raises: what `check_alias` raises.
        """
        ...

    def statement(self, request_id: str) -> Mapping[str, object]:
        """What a promotion found out about its version, for other tools: a DSSE envelope around an in-toto statement.

        The key that signs checkpoints of the audit log signs it. Raises: NotFoundError; ConflictError unless the
        promotion was decided and stands; IntegrityError for a decision that was changed; UnavailableError.
        """
        ...

    def annex_iv(self, reference: Reference) -> AnnexIv:
        """The technical documentation of a version by Annex IV of the EU AI Act, with what is not on record.

        Raises: NotFoundError.
        """
        ...
