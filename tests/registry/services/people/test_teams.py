"""Who closes and opens a team, who belongs to it, and who cannot make themselves more than they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry.domain.people.teams import STAND_IN, Level
from registry.errors import ConflictError, InvalidError, NotFoundError, PermissionDeniedError
from registry.services.lookup import actor_of
from registry.services.people.teams import Teams
from tests.registry.services.teams import Team as House


def teams_of(house: House, handle: str) -> Teams:
    """The verbs of somebody with what they see now."""
    with house.open_uow(actor=handle) as uow:
        actor = actor_of(uow, handle)
    assert actor is not None
    return Teams(house.context(handle).as_actor(actor))


@pytest.fixture
def closed(team: House) -> House:
    """The team notes, which root, an admin, has closed and manages."""
    teams_of(team, "root").open("notes")
    teams_of(team, "root").close("notes")
    return team


def actions(house: House) -> list[str]:
    with house.open_uow(actor="root") as uow:
        return [one.action for one in uow.audit.search(subject="team:notes").items]


def test_who_closes_a_team_manages_it_and_both_are_in_the_log(closed: House) -> None:
    detail = teams_of(closed, "root").show("notes")
    assert (detail.team.closed, detail.team.level) == (True, Level.MANAGE)
    assert [(one.handle, one.level) for one in detail.members] == [("root", Level.MANAGE)]
    assert actions(closed)[:3] == ["team.member_added", "team.closed", "team.opened"]


def test_a_team_with_nothing_in_it_is_opened_before_it_is_closed(team: House) -> None:
    with pytest.raises(NotFoundError, match="There is nothing in a team nowhere"):
        teams_of(team, "root").close("nowhere")


def test_only_an_admin_closes_an_open_team_and_begins_a_new_one(team: House) -> None:
    for verb in (teams_of(team, "ben").close, teams_of(team, "ben").open):
        with pytest.raises(PermissionDeniedError, match="needs the permission admin"):
            verb("notes")


def test_a_closed_team_that_one_is_not_in_is_answered_as_one_that_is_none(closed: House) -> None:
    ben = teams_of(closed, "ben")
    assert ben.list() == []
    for verb in (
        ben.show,
        lambda name: ben.remove_member(name, "root"),
        lambda n: ben.add_member(n, "ben", Level.READ),
    ):
        told = set()
        for name in ("notes", "other"):
            with pytest.raises(NotFoundError) as error:
                verb(name)
            told.add(str(error.value).replace("other", "notes"))
        assert told == {"There is no team notes on record. See those there are: forebear team list"}
    for verb in (ben.close, ben.open):
        with pytest.raises(PermissionDeniedError, match="needs the permission admin"):
            verb("notes")


def test_nobody_raises_their_own_level_by_any_of_their_accounts(closed: House) -> None:
    root = teams_of(closed, "root")
    root.add_member("notes", "ben", Level.CONTRIBUTE)
    with pytest.raises(PermissionDeniedError, match="Only who manages the team notes does this, and ben does not"):
        teams_of(closed, "ben").add_member("notes", "ben", Level.MANAGE)
    closed.people("root").add("root2", "Root again")
    closed.people("root").link("root2", "root")
    with pytest.raises(PermissionDeniedError, match="raises nobody's level who is root"):
        root.add_member("notes", "root2", Level.READ)


def test_an_admin_who_is_not_in_a_team_gets_no_way_in(closed: House) -> None:
    teams_of(closed, "root").add_member("notes", "ben", Level.MANAGE)
    teams_of(closed, "root").remove_member("notes", "root")
    root = teams_of(closed, "root")
    assert [(one.name, one.level) for one in root.list()] == [("notes", None)]
    ways: list[Callable[[], object]] = [
        lambda: root.add_member("notes", "root", Level.READ),
        lambda: root.add_member("notes", "carla", Level.READ),
        lambda: root.remove_member("notes", "ben"),
        lambda: root.open("notes"),
    ]
    for way in ways:
        with pytest.raises(PermissionDeniedError, match="Only who manages the team notes does this"):
            way()
    assert teams_of(closed, "root").close("notes").team.level is None


def test_the_last_one_who_manages_a_team_stays(closed: House) -> None:
    root = teams_of(closed, "root")
    with pytest.raises(ConflictError, match="root is the last one who manages the team notes"):
        root.remove_member("notes", "root")
    with pytest.raises(ConflictError, match="is the last one"):
        root.add_member("notes", "root", Level.READ)
    root.open("notes")
    assert root.remove_member("notes", "root").members == ()


def test_an_admin_takes_over_a_team_that_nobody_manages_any_more_and_the_log_says_so(closed: House) -> None:
    with closed.open_uow(actor="root", write=True) as uow:
        uow.teams.remove_member("notes", "root")
        uow.commit_unaudited()
    with pytest.raises(NotFoundError):
        teams_of(closed, "ben").add_member("notes", "ben", Level.MANAGE)
    assert teams_of(closed, "root").add_member("notes", "root", Level.MANAGE).team.level is Level.MANAGE
    assert actions(closed)[0] == "team.taken_over"


def test_a_service_account_manages_no_team_alone(closed: House) -> None:
    root = teams_of(closed, "root")
    root.add_member("notes", "robot", Level.MANAGE)
    with pytest.raises(ConflictError, match="is the last one"):
        root.remove_member("notes", "root")


def test_one_leaves_a_team_by_oneself(closed: House) -> None:
    teams_of(closed, "root").add_member("notes", "ben", Level.READ)
    assert [one.handle for one in teams_of(closed, "ben").remove_member("notes", "ben").members] == ["root"]
    assert teams_of(closed, "ben").list() == []


def test_a_dash_counts_as_an_underscore_in_teams_too(team: House) -> None:
    root = teams_of(team, "root")
    root.open("a_b")
    assert root.close("a-b").team.name == "a_b"
    with team.open_uow(actor="ben") as uow:
        actor = actor_of(uow, "ben")
    assert actor is not None
    assert actor.sight.hides("a-b")
    assert actor.sight.hides("a_b")


@pytest.mark.parametrize("name", ["Vision", "a/b", "", "a" * 95, STAND_IN, STAND_IN.replace("-", "_")])
def test_what_can_be_no_team_is_refused(team: House, name: str) -> None:
    with pytest.raises(InvalidError, match="cannot be the name of a team"):
        teams_of(team, "root").open(name)


def test_nobody_without_a_closed_team_pays_a_statement_for_it(team: House) -> None:
    with team.open_uow(actor="ben") as uow:
        found = uow.teams.acting("ben")
    assert found is not None
    assert not found[1]
