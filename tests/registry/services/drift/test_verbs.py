"""Reports on record."""

from __future__ import annotations

from registry.domain.names import Reference
from registry.domain.verbs.drift import CheckDrift
from registry.services.context import Context
from registry.services.drift.verbs import Drift
from tests.registry.services.drift.checks import MODEL, data


def test_a_report_is_evidence_with_an_entry_in_the_log_and_is_read_back(context: Context) -> None:
    one = Drift(context).check(CheckDrift(MODEL, data("present")))
    newest = Drift(context).reports(Reference.parse("models:/text/lengths"))[0]
    assert newest == one
    with context.read() as uow:
        entry = list(uow.audit.entries())[-1]
    assert b"drift.checked" in entry.body
    assert one.id.encode() in entry.body
