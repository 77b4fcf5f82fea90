"""Somebody who decides and lost every token gets one by two people, and no one person gets it for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain.paging import PageRequest
from registry.domain.people.people import NewToken
from registry.errors import ConflictError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from registry.services.people.sessions import Sessions
from registry.services.people.verbs import People
from tests.registry.services.teams import Team, grant


def signed_in(team: Team, made: NewToken) -> People:
    """The people's verbs for who signs in with this secret."""
    actor = Sessions(team.context("root")).authenticate(made.secret)
    return People(replace(team.context("root"), actor=actor))


def live(team: Team, handle: str) -> list[str]:
    tokens = team.people(handle).tokens(handle, PageRequest()).items
    return [one.label for one in tokens if one.revoked_at is None]


def test_an_enrolment_makes_one_token_after_a_second_person_confirmed_it(team: Team) -> None:
    team.people("ben").create_token("ben", label="the lost one")
    given = team.people("root").enrol("ben")
    with pytest.raises(UnauthenticatedError, match="Nobody has confirmed the enrolment of ben yet"):
        signed_in(team, given)
    for who in ("root", "ben", "ana", "guest"):
        with pytest.raises(PermissionDeniedError):
            team.people(who).confirm_enrolment("ben")
    assert team.people("vera").confirm_enrolment("ben").confirmed_by == "vera"
    made = signed_in(team, given).create_token("ben", label="laptop")
    assert (made.summary.made_by, live(team, "ben")) == ("ben", ["laptop"])
    assert not signed_in(team, made).context.actor.reach.limited
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        signed_in(team, given)
    assert team.actions("person:ben")[-4:] == [
        "enrolment.offered", "enrolment.confirmed", "token.created", "enrolment.used",
    ]  # fmt: skip


def test_an_enrolment_does_nothing_but_make_a_token_without_a_limit_of_its_own_person(team: Team) -> None:
    given = team.people("root").enrol("ben")
    team.people("vera").confirm_enrolment("ben")
    enrolled = signed_in(team, given)
    with pytest.raises(PermissionDeniedError, match="makes one token of ben"):
        enrolled.create_token("ben", label="ci", teams=["vision"])
    with pytest.raises(PermissionDeniedError):
        enrolled.create_token("ana", label="hers")
    with pytest.raises(PermissionDeniedError):
        enrolled.revoke_token(given.summary.id)
    with pytest.raises(UnauthenticatedError, match="for programs and not for a browser"):
        Sessions(team.context("root")).begin(given.secret, "127.0.0.1")


def test_a_later_enrolment_takes_the_place_of_the_one_before_and_both_end_by_themselves(team: Team) -> None:
    first = team.people("root").enrol("ben")
    second = team.people("root").enrol("ben")
    team.people("vera").confirm_enrolment("ben")
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        signed_in(team, first)
    team.clock.forward(days=4)
    with pytest.raises(UnauthenticatedError, match="has expired"):
        signed_in(team, second)
    with pytest.raises(NotFoundError, match="No enrolment of ben waits to be confirmed"):
        team.people("vera").confirm_enrolment("ben")


def test_an_admin_who_decides_as_well_does_not_confirm_by_another_account(team: Team) -> None:
    grant(team, "dora", "validator")
    team.people("root").link("dora", "root")
    team.people("root").enrol("ben")
    with pytest.raises(PermissionDeniedError, match="Somebody else who decides does it"):
        team.people("dora").confirm_enrolment("ben")


def test_anybody_is_enrolled_by_two_people_and_then_has_a_token_that_counts_as_their_own(team: Team) -> None:
    theirs = team.people("root").create_token("dora", label="to begin with").summary
    given = team.people("root").enrol("dora")
    with pytest.raises(PermissionDeniedError):
        team.people("root").confirm_enrolment("dora")
    team.people("vera").confirm_enrolment("dora")
    made = signed_in(team, given).create_token("dora", label="laptop", days=200)
    assert (made.summary.made_by, live(team, "dora")) == ("dora", ["laptop"])
    assert made.summary.expires_at > theirs.expires_at


def test_a_program_is_not_enrolled_and_who_is_no_admin_enrols_nobody(team: Team) -> None:
    with pytest.raises(ConflictError, match="is a service account"):
        team.people("root").enrol("robot")
    with pytest.raises(NotFoundError):
        team.people("root").enrol("nobody-else")
    with pytest.raises(PermissionDeniedError):
        team.people("ben").enrol("vera")
