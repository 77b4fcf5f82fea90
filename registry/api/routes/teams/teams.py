"""Teams that are closed, and who belongs to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from registry.api.bodies import LevelWish
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, answer, body_of, speaks
from registry.domain.people.people import check_handle
from registry.domain.people.teams import Team, TeamDetail, check_team
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["teams"], route_class=Route)


def _teams(registry: Registry, _: Mapping[str, str]) -> Sequence[Team]:
    return registry.teams.list()


def _team(registry: Registry, path: Mapping[str, str]) -> TeamDetail:
    return registry.teams.show(check_team(path["team"]))


TeamsUnchanged = Annotated[Registry, changes(_teams, "/teams")]
TeamUnchanged = Annotated[Registry, changes(_team, "/teams/{team}")]


@router.get("/teams", **speaks(Sequence[Team]))
def teams(registry: AsActor) -> Response:
    """The teams that somebody has closed or opened, with your level in them; not closed ones that you are not in."""
    return answer(registry.teams.list())


@router.get("/teams/{team}", **speaks(TeamDetail))
def team(registry: AsActor, team: str) -> Response:
    """One of them, with its members."""
    return answer(registry.teams.show(check_team(team)))


@router.post("/teams/{team}/close", **speaks(TeamDetail))
def close(registry: TeamsUnchanged, team: str) -> Response:
    """Hide the team, and all that is in it, from everybody without a level in it."""
    return answer(registry.teams.close(check_team(team)))


@router.post("/teams/{team}/open", **speaks(TeamDetail))
def open_(registry: TeamsUnchanged, team: str) -> Response:
    """Show the team to everybody again, or begin a new one."""
    return answer(registry.teams.open(check_team(team)))


@router.put("/teams/{team}/members/{handle}", **speaks(TeamDetail, takes=LevelWish))
def add_member(
    registry: TeamUnchanged, team: str, handle: str, body: Annotated[LevelWish, Depends(body_of(LevelWish))]
) -> Response:
    """Give somebody a level in the team, in place of the one before."""
    return answer(registry.teams.add_member(check_team(team), check_handle(handle), body.level))


@router.delete("/teams/{team}/members/{handle}", **speaks(TeamDetail))
def remove_member(registry: TeamUnchanged, team: str, handle: str) -> Response:
    """Take somebody's level away."""
    return answer(registry.teams.remove_member(check_team(team), check_handle(handle)))
