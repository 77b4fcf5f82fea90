"""The teams' repository. A team is looked up by its folded name: `a_b` and `a-b` are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, literal, select, update

from registry.domain.names import AssetKind
from registry.domain.people.people import Person
from registry.domain.people.teams import EVERYTHING, Level, Member, Sight, Team, fold
from registry.errors import NotFoundError
from registry.services.storage.governance import CLOSED, LEVEL
from registry.storage.people.repository import person_of, with_roles
from registry.storage.tables import asset, draft, person, team, team_member


class SqlTeams:
    """Implements `TeamRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def acting(self, handle: str) -> tuple[Person, Sight] | None:
        rows = self._connection.execute(_person(), {"handle": handle}).all()
        if not rows:
            return None
        found = person_of(rows[0], tuple(one.role for one in rows if one.role is not None))
        if not rows[0].closes:
            return found, EVERYTHING
        levels = self._connection.execute(_levels(), {"person": rows[0].id})
        closed = {one.folded: Level(one.level) if one.level else None for one in levels}
        return found, Sight(MappingProxyType(closed), handle)

    def get(self, name: str) -> Team | None:
        row = self._connection.execute(select(team).where(team.c.folded == fold(name))).one_or_none()
        return None if row is None else _team(row)

    def list(self) -> Sequence[Team]:
        return [_team(row) for row in self._connection.execute(select(team).order_by(team.c.name))]

    def state(self) -> Mapping[str, str]:
        found = {f"{CLOSED}team:{fold(one.name)}": "closed" if one.closed else "open" for one in self.list()}
        query = select(team_member.c.team, person.c.handle, team_member.c.level)
        rows = self._connection.execute(query.join(person, person.c.id == team_member.c.person_id))
        return found | {f"{LEVEL}team:{row.team} of {row.handle}": row.level for row in rows}

    def count_closed(self) -> int:
        return self._connection.execute(select(func.count()).where(team.c.closed)).scalar_one()

    def exists(self, name: str) -> bool:
        if self.get(name) is not None:
            return True
        start = fold(name) + "/"
        registered = select(asset.c.id).where(
            asset.c.kind.in_(list(AssetKind)), asset.c.folded >= start, asset.c.folded < fold(name) + "0"
        )
        if self._connection.execute(registered.limit(1)).first() is not None:
            return True
        names = select(draft.c.name).where(func.replace(draft.c.name, "_", "-").startswith(start, autoescape=True))
        return self._connection.execute(names.limit(1)).first() is not None

    def put(self, team: Team) -> None:
        values: dict[str, Any] = {
            "name": team.name, "closed": team.closed, "changed_at": team.changed_at, "changed_by": team.changed_by,
        }  # fmt: skip
        changed = self._connection.execute(update(_teams).where(_teams.c.folded == fold(team.name)).values(values))
        if changed.rowcount == 0:
            self._connection.execute(insert(_teams).values(folded=fold(team.name), **values))

    def members(self, name: str) -> Sequence[Member]:
        query = _members().where(team_member.c.team == fold(name)).order_by(person.c.handle)
        return [_member(row) for row in self._connection.execute(query)]

    def member(self, name: str, handle: str) -> Member | None:
        query = _members().where(team_member.c.team == fold(name), person.c.handle == handle)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _member(row)

    def set_member(self, name: str, member: Member) -> None:
        self.remove_member(name, member.handle)
        key = self._key(member.handle)
        values: dict[str, Any] = {"level": member.level.value, "given_at": member.since, "given_by": member.given_by}
        self._connection.execute(insert(team_member).values(team=fold(name), person_id=key, **values))

    def remove_member(self, name: str, handle: str) -> None:
        key = self._key(handle)
        mine = (team_member.c.team == fold(name)) & (team_member.c.person_id == key)
        self._connection.execute(delete(team_member).where(mine))

    def teams_of(self, handle: str) -> Sequence[tuple[Team, Level]]:
        query = (
            select(team, team_member.c.level)
            .join(team_member, team_member.c.team == team.c.folded)
            .join(person, person.c.id == team_member.c.person_id)
            .where(person.c.handle == handle)
            .order_by(team.c.name)
        )
        return [(_team(row), Level(row.level)) for row in self._connection.execute(query)]

    def _key(self, handle: str) -> int:
        key = self._connection.execute(select(person.c.id).where(person.c.handle == handle)).scalar_one_or_none()
        if key is None:
            raise NotFoundError(f"Unknown user {handle[:80]!r}", remedy="List the people: forebear person list")
        return key


_teams = team


@cache
def _person() -> Any:
    closes = select(literal(1)).select_from(team).where(team.c.closed).exists().label("closes")
    return with_roles().add_columns(closes)


@cache
def _levels() -> Any:
    mine = (team_member.c.team == team.c.folded) & (team_member.c.person_id == bindparam("person"))
    return select(team.c.folded, team_member.c.level).outerjoin(team_member, mine).where(team.c.closed)


def _members() -> Any:
    return select(team_member, person.c.handle).join(person, person.c.id == team_member.c.person_id)


def _team(row: Row[Any]) -> Team:
    return Team(row.name, row.closed, row.changed_at, row.changed_by)


def _member(row: Row[Any]) -> Member:
    return Member(row.handle, Level(row.level), row.given_at, row.given_by)
