"""What is due by time is done once, whoever looks and however often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from registry.errors import PermissionDeniedError
from registry.services.governance.reviews.due import overdue, tick
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.reviews.test_conditions import promoted
from tests.registry.services.teams import Team


def test_two_servers_that_look_at_once_do_what_is_due_once(either_team: Team) -> None:
    team = either_team
    ref, _, _ = promoted(team)
    team.clock.forward(days=60)
    context = team.context("ana")
    assert overdue(context) == 1
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: tick(context), range(8)))
    assert sum(len(report.settled) for report in reports) == 1
    assert overdue(context) == 0
    assert team.actions(str(ref)).count("promotion.revoked") == 1
    assert team.actions(str(ref)).count("model_version.suspended") == 1


def test_who_may_only_read_does_nothing(team: Team) -> None:
    with pytest.raises(PermissionDeniedError):
        Reviews(team.context("guest")).tick()
