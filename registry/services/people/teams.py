"""Closing and opening teams, and who belongs to them.

Who manages a closed team says who sees it. An admin closes an open one, and takes one over that nobody manages any
more; into any other, no role opens a way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from registry.domain.audit import Event
from registry.domain.people.people import Permission
from registry.domain.people.teams import (
    MOST_CLOSED,
    MOST_MEMBERS,
    STAND_IN,
    Level,
    Member,
    Team,
    TeamDetail,
    check_team,
)
from registry.errors import ConflictError, NotFoundError, PermissionDeniedError, RefusedError
from registry.services.context import Context
from registry.services.people.tokens import refuse_limited
from registry.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Teams:
    """Implements `TeamVerbs` over a unit of work."""

    context: Context

    def list(self) -> Sequence[Team]:
        """The teams on record, by name: for an admin all, for others those that are open or that they belong to."""
        with self.context.read() as uow:
            mine = {team.name: level for team, level in uow.teams.teams_of(self.context.actor.handle)}
            every = [replace(one, level=mine.get(one.name)) for one in uow.teams.list()]
        return [one for one in every if self._admin or not one.closed or one.level is not None]

    def show(self, name: str) -> TeamDetail:
        """One team with its members. Raises: NotFoundError, also for a closed one that they do not belong to."""
        with self.context.read() as uow:
            return self._detail(uow, check_team(name))

    def close(self, name: str) -> TeamDetail:
        """Close a team; who closes it manages it, unless somebody does. Closing it twice changes nothing."""
        now, actor = self.context.clock.now(), self.context.actor
        refuse_limited(actor, "closes and opens no teams, and says of nobody who belongs to one")
        with self.context.write() as uow:
            before, level = self._known(uow, check_team(name))
            if before is not None and before.closed:
                return self._detail(uow, name)
            if level is not Level.MANAGE:
                actor.require(Permission.ADMIN)
            if not uow.teams.exists(name):
                raise NotFoundError(f"There is nothing in a team {name}", remedy="Open it first: forebear team open")
            if uow.teams.count_closed() >= MOST_CLOSED:
                raise RefusedError(f"A registry has {MOST_CLOSED} closed teams at most")
            if uow.teams.exists(STAND_IN):
                raise ConflictError(
                    f"There is a team {STAND_IN}, which is what models of closed teams are called",
                    remedy="Delete what is in it",
                )
            uow.teams.put(Team(name if before is None else before.name, True, now, actor.handle))
            events = [Event("team.closed", _subject(name))]
            if not _managers(uow, name):
                uow.teams.set_member(name, Member(actor.handle, Level.MANAGE, now, actor.handle))
                events.append(_given(name, actor.handle, Level.MANAGE))
            detail = self._detail(uow, name)
            uow.commit(*events)
        return detail

    def open(self, name: str) -> TeamDetail:
        """Open a closed team, or a new one ahead of its first model. Opening it twice changes nothing."""
        now, actor = self.context.clock.now(), self.context.actor
        refuse_limited(actor, "closes and opens no teams, and says of nobody who belongs to one")
        with self.context.write() as uow:
            before, level = self._known(uow, check_team(name))
            if before is not None and not before.closed:
                return self._detail(uow, name)
            if before is None:
                actor.require(Permission.ADMIN)
            elif level is not Level.MANAGE:
                self._check_abandoned(uow, name)
            uow.teams.put(Team(name if before is None else before.name, False, now, actor.handle))
            detail = self._detail(uow, name)
            uow.commit(Event("team.opened", _subject(name)))
        return detail

    def add_member(self, name: str, handle: str, level: Level) -> TeamDetail:
        """Give somebody a level in a team, in place of the one before.

        Raises: NotFoundError, PermissionDeniedError, ConflictError for the last one who manages it.
        """
        now, actor = self.context.clock.now(), self.context.actor
        refuse_limited(actor, "closes and opens no teams, and says of nobody who belongs to one")
        with self.context.write() as uow:
            team = self._required(uow, name)
            action = "team.member_added"
            if not self._manages(uow, name):
                self._check_abandoned(uow, name)
                action = "team.taken_over"
            before = uow.teams.member(name, handle)
            if before is not None and before.level is level:
                return self._detail(uow, name)
            self._check_person(uow, name, handle, level, taking_over=action == "team.taken_over")
            if before is not None and before.level is Level.MANAGE:
                _not_the_last(uow, team, handle)
            uow.teams.set_member(name, Member(handle, level, now, actor.handle))
            detail = self._detail(uow, name)
            uow.commit(replace(_given(name, handle, level), action=action))
        return detail

    def remove_member(self, name: str, handle: str) -> TeamDetail:
        """Take somebody's level away: whoever manages the team, or they themselves.

        Raises: NotFoundError, PermissionDeniedError, ConflictError for the last one who manages it.
        """
        actor = self.context.actor
        refuse_limited(actor, "closes and opens no teams, and says of nobody who belongs to one")
        with self.context.write() as uow:
            team = self._required(uow, name)
            if not self._manages(uow, name) and handle != actor.handle:
                self._check_abandoned(uow, name)
            member = uow.teams.member(name, handle)
            if member is None:
                raise NotFoundError(
                    f"{handle[:80]} has no level in the team {name}", remedy=f"See who has: forebear team show {name}"
                )
            if member.level is Level.MANAGE:
                _not_the_last(uow, team, handle)
            uow.teams.remove_member(name, handle)
            detail = TeamDetail(replace(team, level=_level(uow, name, actor.handle)), tuple(uow.teams.members(name)))
            uow.commit(Event("team.member_removed", _subject(name), {"person": handle}))
        return detail

    @property
    def _admin(self) -> bool:
        return Permission.ADMIN in self.context.actor.permissions

    def _known(self, uow: UnitOfWork, name: str) -> tuple[Team | None, Level | None]:
        """The team, unless it is closed to the person, and their level in it.

        Raises: what is raised for one that does not exist, after the same look-ups.
        """
        team, level = uow.teams.get(name), _level(uow, name, self._me)
        if self._is_hidden(team, level):
            self.context.actor.require(Permission.ADMIN)
        return team, level

    def _is_hidden(self, team: Team | None, level: Level | None) -> bool:
        return team is not None and team.closed and level is None and not self._admin

    def _required(self, uow: UnitOfWork, name: str) -> Team:
        team, level = uow.teams.get(check_team(name)), _level(uow, name, self._me)
        if team is None or self._is_hidden(team, level):
            raise NotFoundError(f"There is no team {name} on record", remedy="See those there are: forebear team list")
        return team

    def _detail(self, uow: UnitOfWork, name: str) -> TeamDetail:
        team = self._required(uow, name)
        return TeamDetail(replace(team, level=_level(uow, name, self._me)), tuple(uow.teams.members(name)))

    @property
    def _me(self) -> str:
        return self.context.actor.handle

    def _manages(self, uow: UnitOfWork, name: str) -> bool:
        return _level(uow, name, self._me) is Level.MANAGE

    def _check_abandoned(self, uow: UnitOfWork, name: str) -> None:
        """Raises: PermissionDeniedError unless nobody manages the team any more and an admin asks."""
        managers = _managers(uow, name)
        if managers or not self._admin:
            raise PermissionDeniedError(
                f"Only who manages the team {name} does this, and {self._me} does not",
                remedy=f"Ask one of: {', '.join(managers)}" if managers else "Ask an admin, who can take it over",
                facts={"team": name, "managers": managers},
            )

    def _check_person(self, uow: UnitOfWork, name: str, handle: str, level: Level, *, taking_over: bool) -> None:
        people = {one.handle: one for one in uow.people.known({handle, self._me})}
        if handle not in people:
            raise NotFoundError(f"Unknown user {handle[:80]!r}", remedy="List the people: forebear person list")
        if not taking_over and self._me in people and people[handle].who == people[self._me].who:
            held = _level(uow, name, handle)
            if held is None or not held.includes(level):
                raise PermissionDeniedError(
                    f"{self._me} raises nobody's level who is {self._me}", remedy="Somebody else who manages it does"
                )
        if len(uow.teams.members(name)) >= MOST_MEMBERS:
            raise RefusedError(f"A team has {MOST_MEMBERS:,} members at most")


def _managers(uow: UnitOfWork, name: str) -> Sequence[str]:
    """Who manages a team and can still act: people, not programs, with a role."""
    handles = [one.handle for one in uow.teams.members(name) if one.level is Level.MANAGE]
    return [one.handle for one in uow.people.known(handles) if one.roles and not one.service]


def _level(uow: UnitOfWork, name: str, handle: str) -> Level | None:
    member = uow.teams.member(name, handle)
    return None if member is None else member.level


def _not_the_last(uow: UnitOfWork, team: Team, handle: str) -> None:
    if team.closed and not [one for one in _managers(uow, team.name) if one != handle]:
        raise ConflictError(
            f"{handle} is the last one who manages the team {team.name}",
            remedy=f"Let somebody else manage it first: forebear team member add {team.name} PERSON manage",
        )


def _given(name: str, handle: str, level: Level) -> Event:
    return Event("team.member_added", _subject(name), {"person": handle, "level": level.value})


def _subject(name: str) -> str:
    return f"team:{name}"
