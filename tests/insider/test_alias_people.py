"""The insider makes a second account, gives it a role and votes with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.governance.promotion import RequestState
from registry.domain.paging import PageRequest
from registry.domain.people.people import Actor
from registry.errors import NotFoundError, PermissionDeniedError, PolicyRefusedError, UnauthenticatedError
from registry.services.people.sessions import Sessions
from registry.services.people.verbs import first_admin
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, bring_to, grant, ref_of


def test_an_admin_alone_gives_nobody_a_role_that_decides(team: Team) -> None:
    root = team.people("root")
    root.add("root2", "Root again")
    for role in ("validator", "risk-owner", "admin"):
        assert root.grant("root2", role).offered == (role,)
        assert team.people("guest").person("root2").roles == ()
        with pytest.raises(PermissionDeniedError, match="somebody else than who offered the role"):
            root.confirm("root2", role)
    grant(team, "ana", "admin")
    for who in ("dora", "robot"):
        with pytest.raises(PermissionDeniedError):
            team.people(who).confirm("root2", "validator")
    assert root.revoke("root2", "admin").roles == ()
    with pytest.raises(NotFoundError, match="was not offered"):
        team.people("ben").confirm("root2", "admin")
    assert team.people("ben").confirm("root2", "validator").roles == ("validator",)
    assert team.actions("person:root2") == [
        "person.added",
        "role.offered",
        "role.offered",
        "role.offered",
        "role.offer_withdrawn",
        "role.granted",
    ]


def test_the_first_admin_gives_roles_alone_until_there_is_somebody_to_confirm_them_and_the_log_says_so(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    team = Team(open_uow, clock, tmp_path)
    ana = Actor("ana", frozenset({"admin", "developer"}))
    first_admin(team.context_of(ana), "ana")
    people = team.people("ana")
    for handle in ("ben", "carla"):
        people.add(handle, handle.title())
    assert people.grant("ben", "validator").roles == ("validator",)
    with open_uow(actor="ana") as uow:
        entry = uow.audit.search(subject="person:ben", action="role.granted", page=PageRequest()).items[0]
    assert entry.detail == {"role": "validator", "alone": True}
    assert people.grant("carla", "risk-owner").offered == ("risk-owner",)
    assert team.people("ben").confirm("carla", "risk-owner").roles == ("risk-owner",)


def test_nobody_makes_a_token_for_somebody_else_who_votes(team: Team) -> None:
    root = team.people("root")
    for who in ("ben", "carla"):
        with pytest.raises(PermissionDeniedError, match="nobody else makes tokens for"):
            root.create_token(who, label="mine now")
    assert root.create_token("robot", label="ci").secret
    root.add("eve", "Eve")
    theirs = root.create_token("eve", label="to begin with")
    grant(team, "eve", "validator")
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        Sessions(team.context("root")).authenticate(theirs.secret)
    mine = team.people("eve").create_token("eve", label="laptop")
    assert Sessions(team.context("root")).authenticate(mine.secret).handle == "eve"


def test_an_account_younger_than_the_request_does_not_vote_on_it(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    team.clock.forward(minutes=1)
    team.people("root").add("eve", "Eve")
    grant(team, "eve", "validator")
    with pytest.raises(PolicyRefusedError, match="has an account only since the request was opened"):
        team.promotions("eve").approve(request)
    assert team.promotions("ben").approve(request).summary.state is RequestState.PROMOTED


def test_two_accounts_of_one_person_are_one_voter_and_one_contributor(team: Team) -> None:
    root = team.people("root")
    ref = team.publish()
    bring_to(team, ref, "validated")
    root.add("ben2", "Ben again")
    grant(team, "ben2", "risk-owner")
    root.add("ana2", "Ana again")
    grant(team, "ana2", "validator")
    root.link("ben2", "ben")
    assert root.link("ana2", "ana").identity == "ana"
    team.clock.forward(minutes=1)
    team.promotions("vera").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    with pytest.raises(PolicyRefusedError, match="nobody approves their own work"):
        team.promotions("ana2").approve(request)
    team.promotions("ben").approve(request)
    voted = team.promotions("ben2").approve(request)
    assert voted.summary.state is RequestState.OPEN
    assert voted.verdict.reasons == ("0 of 1 risk-owner approvals",)
    assert team.promotions("carla").approve(request).summary.state is RequestState.PROMOTED


def test_an_account_of_the_offering_person_does_not_confirm(team: Team) -> None:
    root = team.people("root")
    root.link("ben", "root")
    root.grant("dora", "validator")
    with pytest.raises(PermissionDeniedError):
        team.people("ben").confirm("dora", "validator")
    assert "validator" in team.people("carla").confirm("dora", "validator").roles
