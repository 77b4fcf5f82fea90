"""Approving a version again before its approval ends."""

from __future__ import annotations

import pytest

from registry.domain.governance.promotion import RequestState
from registry.errors import NotFoundError, PolicyRefusedError
from tests.registry.services.governance.reviews.test_attestations import WITH_RENEWAL, promoted, reviews
from tests.registry.services.teams import Team, put_in_force, ref_of


def test_an_approval_can_be_renewed_before_its_time_by_who_may_and_by_nobody_else(team: Team) -> None:
    put_in_force(team, WITH_RENEWAL)
    ref = promoted(team)
    team.clock.forward(days=1)
    with pytest.raises(PolicyRefusedError, match="dora has none of the roles that can approve here"):
        reviews(team, "dora").attest(ref_of(ref))
    assert team.promotions("ana").requests(reference=ref_of(ref), state=RequestState.OPEN).items == []
    reviews(team, "ben").attest(ref_of(ref))
    assert reviews(team, "carla").attest(ref_of(ref)).summary.state is RequestState.PROMOTED
    other = team.publish("vision/other")
    with pytest.raises(NotFoundError, match="has no end"):
        reviews(team, "ben").attest(ref_of(other))
