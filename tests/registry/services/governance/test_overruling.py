"""Overruling a rejection: what is refused, and what is kept of it. Who may is in `test_insider_gates`."""

from __future__ import annotations

import pytest

from registry.errors import NotFoundError, PermissionDeniedError, PolicyRefusedError
from registry.services.governance.overruling import Overruling
from tests.registry.services.teams import Team, bring_to, ref_of


def test_what_became_of_it_is_told() -> None:
    assert str(Overruling(2, 2)) == "The rejection is overruled: it does not stand any more"
    assert "1 of 2 with the role legal have overruled it" in str(Overruling(1, 2, "legal"))


def test_only_a_rejected_request_can_be_overruled_and_only_by_editors(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    with pytest.raises(PolicyRefusedError, match="It is open, not rejected"):
        team.promotions("carla").overrule(request, comment="why")
    with pytest.raises(PermissionDeniedError):
        team.promotions("guest").overrule(request, comment="why")
    with pytest.raises(NotFoundError):
        team.promotions("carla").overrule("req-none", comment="why")


def test_who_overruled_is_kept_with_the_request_and_its_decision_still_replays(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    team.promotions("ben").reject(request, comment="leaked")
    with team.open_uow(actor="ana") as uow:
        (rejection,) = uow.governance.rejections(ref)
        assert (rejection.request, rejection.to_stage, rejection.vote.voter) == (request, "validated", "ben")
    team.promotions("ben").overrule(request, comment="my mistake")
    with team.open_uow(actor="ana") as uow:
        assert uow.governance.rejections(ref) == []
        assert uow.governance.overrulings(request) == ["ben"]
    assert not team.promotions("guest").explain(request).replayed.allowed
