"""The page and the API of drift reports."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from lineage import Digest
from registry.domain.codec import to_json
from registry.domain.comparison.verdict import Interval
from registry.domain.drift.report import (
    DriftReport,
    DriftVerdict,
    Finding,
    Histogram,
    KeptReport,
    Performance,
    Share,
    Stream,
    summary,
)
from registry.domain.governance.case import SYSTEM
from registry.domain.manifests import canonical_json
from registry.domain.names import Reference
from registry.services.governance.evidence import bound
from tests.builders import event
from tests.registry.web.test_selection import ref
from tests.serving import ServedRegistry


def report() -> DriftReport:
    return DriftReport(
        model=ref("models:/vision/digits/2"),
        data=ref("datasets:/vision/digits/1"),
        data_digest=Digest.of(b"data"),
        split="all",
        reference="the test rows of vision/digits/1, split test",
        before=60,
        now=80,
        verdict=DriftVerdict.DRIFT,
        conclusion="Drift in vision/digits/1 for vision/digits/2: features moved (D 0.40)",
        findings=(Finding("features", "Kolmogorov-Smirnov, Holm", 0.4, "D", 1e-9, 2e-9, moved=True),),
        performance=Performance("accuracy", 0.9, 0.7, Interval(0.2, 0.1, 0.3), moved=True),
        streams=(Stream("ADWIN", 11),),
        estimate=None,
        shares=(Share("<zero>", 0.5, 0.25),),
        histograms=(Histogram("confidence", 0.0, 1.0, (0.25, 0.75), (0.5, 0.5), 0.31),),
        unknown=0,
        recipe="schema: <b>",
        notes=("Some rows stand in both",),
    )


def test_a_report_is_shown_escaped_with_its_plot_and_given_as_it_was_kept(own_served: ServedRegistry) -> None:
    context, found = own_served.family.system.context, report()
    stored, _ = context.blobs.put(io.BytesIO(canonical_json(to_json(found))))
    model = own_served.family.system.catalog.version(Reference.to(found.model)).summary
    value = bound(
        found.model, model.digest, "drift", summary(found), file=stored, name="drift.json", by=SYSTEM,
        at=datetime(2026, 1, 2, tzinfo=UTC),
    )  # fmt: skip
    with context.open_uow(actor="ana", write=True) as uow:
        uow.governance.add_evidence(value)
        uow.commit(event())
    browser, client = own_served.browser("ana"), own_served.client("ana")
    address = f"/drift?reference=models:/vision/digits/2&report={value.id}"
    shown = browser.get(address).text
    assert found.conclusion in shown
    assert (
        '<polyline class="line line-1" points="48.0,123.3 237.0,123.3 237.0,20.0 426.0,20.0"/>' not in shown
    )  # of 0.75
    assert 'points="48.0,124.0 237.0,124.0 237.0,20.0 426.0,20.0"' in shown
    assert "&lt;zero&gt;" in shown
    assert "schema: &lt;b&gt;" in shown
    assert "ADWIN: the errors changed about row 12" in shown
    assert (
        f"/drift?reference=models%3A/vision/digits/2&amp;report={value.id}"
        in browser.get("/models/vision/digits/2?tab=approvals").text
    )
    kept = KeptReport(value.id, found, value.added_at)
    assert client.get("/api/v1/drift?reference=models:/vision/digits/2").json() == [to_json(kept)]
    assert browser.get("/drift?reference=models:/vision/digits/2&report=ev-other").status_code == 404
