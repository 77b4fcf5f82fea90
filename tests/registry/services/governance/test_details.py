"""A request shows each reader what they can do with it, and why not."""

from __future__ import annotations

from registry.domain.audit import Event
from tests.registry.services.teams import Team, bring_to, ref_of


def test_a_request_says_whether_the_reader_can_vote_and_why_not(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    ballots = {who: team.promotions(who).request_detail(request).ballot for who in ("ana", "ben", "guest", "root")}
    assert "nobody approves their own work" in ballots["ana"].approve[0]
    assert ballots["ana"].withdraw == ()
    assert (ballots["ben"].approve, ballots["ben"].reject) == ((), ())
    assert ballots["ben"].withdraw == ("Only ana or an admin can withdraw the request",)
    assert ballots["guest"].approve == (
        "guest may only read",
        "guest has none of the roles that can approve here: validator",
    )
    assert ballots["root"].withdraw == ()


def test_a_ballot_agrees_with_what_voting_does(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    before = team.promotions("ben").request_detail(request)
    assert before.voters == {"validator": ("ben", "vera"), "risk-owner": ("carla",)}
    after = team.promotions("ben").approve(request)
    assert after == team.promotions("ben").request_detail(request)
    assert after.ballot.approve == ("ben has approved already, and nothing has changed since",)
    assert after.ballot.reject == (), "a person may change their mind"
    assert after.voters == {"validator": ("vera",), "risk-owner": ("carla",)}


def test_nobody_can_vote_on_a_closed_request_or_one_whose_version_is_gone(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.delete_version(ref, at=team.clock.now())
        uow.commit(Event("model_version.deleted", str(ref), {}))
    assert team.promotions("ben").request_detail(request).ballot.approve == ("The version was deleted",)
    closed = team.promotions("ana").withdraw(request)
    assert closed.ballot.approve == ("The request is closed: it was withdrawn",)
    assert closed == team.promotions("ana").request_detail(request)
