"""The verbs of upstreams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.domain.governance.upstream import Pinned, UpstreamCheck, UpstreamNow
from registry.domain.names import Reference
from registry.domain.paging import Page, PageRequest
from registry.services.context import Context
from registry.services.governance.upstreams.checking import check, pin


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Implements `UpstreamVerbs`."""

    context: Context

    def list(self, *, page: PageRequest = PageRequest()) -> Page[Pinned]:
        """Versions whose source is known, by its name."""
        with self.context.read() as uow:
            return uow.catalog.pinned(page)

    def pin(self, reference: Reference, source: str) -> Pinned:
        """Say which repository a version was imported from."""
        return pin(self.context, reference, source)

    def check(self, answers: Sequence[UpstreamNow]) -> UpstreamCheck:
        """Compare them with what their repositories say now."""
        return check(self.context, answers)
