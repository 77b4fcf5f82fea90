"""Whoever may read can explain a decision, try a policy and compare two; none of that writes anything."""

from __future__ import annotations

import pytest

from registry.errors import IntegrityError, NotFoundError
from tests.registry.services.governance.insider import NEXT
from tests.registry.services.teams import Team, bring_to, ref_of


def test_a_decision_is_explained_by_its_replay_long_after_the_world_has_changed(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    ana, ben = team.promotions("ana"), team.promotions("ben")
    request = ana.request(ref_of(ref), "validated").summary.id
    ben.approve(request)
    team.clock.forward(days=400)
    team.people("root").revoke("ben", "validator")
    found = team.promotions("guest").explain(request)
    assert found.same
    assert found.stored.allowed
    assert found.policy == "default/3"
    assert [vote.voter for vote in found.votes] == ["ben"]
    assert found.read["subject.method"] == '"fine_tuning"'


def test_a_stored_case_that_somebody_changed_is_not_replayed_as_if_it_were_the_same(team: Team) -> None:
    """An insider rewrites what a decision was made on, in the store."""
    ref = team.publish()
    bring_to(team, ref, "candidate")
    ana = team.promotions("ana")
    request = ana.requests().items[0].id
    digest = ana.explain(request).case
    team.blobs.kept[digest] = team.blobs.kept[digest].replace(b'"Apache-2.0"', b'"MIT-License"')
    with pytest.raises(IntegrityError):
        ana.explain(request)


def test_an_open_request_has_no_decision_to_explain(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    with pytest.raises(NotFoundError, match="There is no decision about"):
        team.promotions("ana").explain(request)


def test_trying_and_comparing_write_nothing(team: Team) -> None:
    bring_to(team, team.publish(), "candidate")
    before = team.actions()
    guest = team.promotions("guest")
    guest.test_policy(NEXT)
    guest.diff_policies(NEXT, NEXT)
    assert team.actions() == before
