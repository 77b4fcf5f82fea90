"""Reports are for everybody who may read, and for nobody else."""

from __future__ import annotations

import pytest

from registry.errors import PermissionDeniedError
from registry.services.governance.reports.verbs import Reports
from tests.registry.services.teams import Team, ref_of


def test_whoever_may_read_gets_reports_and_nobody_else_does(team: Team) -> None:
    ref, now = ref_of(team.publish()), team.clock.now()
    reader, nobody = Reports(team.context("guest")), Reports(team.context("nobody"))
    assert reader.inventory().items == []
    assert reader.named_then("production", now).items == []
    assert reader.annex_iv(ref).ref.number == ref.number
    for asked in (nobody.inventory, lambda: nobody.named_then("production", now), lambda: nobody.annex_iv(ref)):
        with pytest.raises(PermissionDeniedError):
            asked()
