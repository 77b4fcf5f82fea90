"""The verbs of drift."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry.domain.codec import from_json
from registry.domain.drift.report import EVIDENCE, DriftReport, KeptReport
from registry.domain.governance.case import SYSTEM
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.names import Reference, model_only
from registry.domain.people.people import Permission
from registry.domain.verbs.drift import CheckDrift
from registry.services.context import Context
from registry.services.lookup import found, resolve

MOST = 50
"""Reports that are listed."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Implements `DriftVerbs`."""

    context: Context

    def check(self, wanted: CheckDrift, watch: Callable[[str], None] = lambda _: None) -> KeptReport:
        """Compare and keep the report; see `registry.services.drift.checking`."""
        from registry.services.drift.checking import check  # noqa: PLC0415 - it needs NumPy

        return _kept(self.context, check(self.context, wanted, watch))

    def watch(
        self, model: Reference, data: Reference, watch: Callable[[str], None] = lambda _: None
    ) -> KeptReport | None:
        """Check what is new in a growing dataset; see `registry.services.drift.watching`."""
        from registry.services.drift.watching import next_window  # noqa: PLC0415 - it needs NumPy

        made = next_window(self.context, model, data, self.reports(model), watch)
        return None if made is None else _kept(self.context, made)

    def reports(self, model: Reference) -> Sequence[KeptReport]:
        """The reports on record. Evidence of that type that a person wrote is none."""
        self.context.actor.require(Permission.READ)
        with self.context.read() as uow:
            evidence = uow.governance.evidence(resolve(uow, model_only(model)))
        own = [one for one in evidence if one.type == EVIDENCE and one.added_by == SYSTEM]
        return [_kept(self.context, one) for one in own[: -MOST - 1 : -1]]


def _kept(context: Context, one: EvidenceValue) -> KeptReport:
    """The report in the file of a piece of evidence. Raises: NotFoundError, IntegrityError."""
    with context.blobs.open(found(one.file, f"the file of {one.id}")) as stream:
        return KeptReport(one.id, from_json(DriftReport, json.loads(stream.read())), one.added_at)
