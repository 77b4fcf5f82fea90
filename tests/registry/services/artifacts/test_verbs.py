"""The verbs of the store as anyone sees them."""

from __future__ import annotations

from registry.services.artifacts.verbs import Store
from tests.registry.services.teams import Team


def test_everyone_can_read_the_last_check_and_a_new_store_has_none(team: Team) -> None:
    assert Store(team.context("guest")).last_check() is None
    Store(team.context("root")).verify()
    found = Store(team.context("guest")).last_check()
    assert found is not None
    assert found.check.started_by == "root"
