"""A registry with a closed team, which root manages, and what others see of it."""

from __future__ import annotations

from registry.domain.names import VersionRef
from registry.domain.people.teams import Level, Member
from registry.domain.people.teams import Team as ClosedTeam
from registry.services.context import Context
from registry.services.lookup import actor_of
from registry.services.registry import LocalRegistry
from tests.registry.services.teams import Team


def shut(team: Team, name: str) -> None:
    """Close it for everybody but root."""
    with team.open_uow(actor="root", write=True) as uow:
        uow.teams.put(ClosedTeam(name, True, team.clock.now(), "root"))
        uow.teams.set_member(name, Member("root", Level.MANAGE, team.clock.now(), "root"))
        uow.commit_unaudited()


def context_of(team: Team, handle: str) -> Context:
    with team.open_uow(actor=handle) as uow:
        actor = actor_of(uow, handle)
    assert actor is not None
    return team.context(handle).as_actor(actor)


def registry_of(team: Team, handle: str) -> LocalRegistry:
    return LocalRegistry(context_of(team, handle))


def family(team: Team) -> tuple[VersionRef, VersionRef]:
    """A version of the team secret, which is closed, and one that was made from it."""
    base = team.publish("secret/base")
    child = team.publish("open/child", parents=[base])
    shut(team, "secret")
    return base, child
