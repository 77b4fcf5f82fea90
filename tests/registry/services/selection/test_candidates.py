"""Which models may be considered, and why the others are not."""

from __future__ import annotations

from registry.domain.verbs.lineage import Use
from registry.services.context import Context
from tests.registry.services.selection.worlds import order, recommend


def test_every_model_that_is_left_out_has_its_reason(context: Context) -> None:
    report = recommend(context, use=Use.COMMERCIAL)
    assert order(report)[0] in {"strong", "fair"}
    reasons = {one.ref.name.name: one.reason for one in report.left_out}
    assert set(reasons) == {"weak-suspended", "fair-unsold", "broken"}
    assert "suspended" in reasons["weak-suspended"]
    assert "do not allow commercial use" in reasons["fair-unsold"]
    assert "not finite numbers" in reasons["broken"]
