"""Teams: the first parts of names. A team is open until somebody closes it to all but its members.

`-` counts as `_` in a team as it does in names: `a-b` and `a_b` are one team here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from registry.domain.names import MAX_NAME, PART, Name, is_part
from registry.errors import InvalidError, PermissionDeniedError

TEAM = PART
STAND_IN = "closed-team"
"""The team that stands for all that somebody may not see: nothing can have it in its name."""
MOST_CLOSED = 500
"""Closed teams that a registry may have: every request of a person knows them."""
MOST_MEMBERS = 1_000


class Level(StrEnum):
    """What a person may do in a closed team, as far as their roles allow it too. Each includes those before it."""

    READ = "read"
    """See what is registered: catalog, lineage, metrics, reports."""
    USE = "use"
    """Read files and rows, and start something from them."""
    CONTRIBUTE = "contribute"
    """Import, transfer into the team, describe, tag, request a promotion."""
    MANAGE = "manage"
    """Say who is a member, and open the team."""

    def includes(self, other: Level) -> bool:
        """True when this level allows what `other` allows."""
        return list(Level).index(self) >= list(Level).index(other)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with a level in a closed team."""

    handle: str
    level: Level
    since: datetime
    given_by: str


@dataclass(frozen=True, slots=True)
class Team:
    """A team that somebody has closed, or has opened again or ahead of its first model. `level` is that of who asks."""

    name: str
    closed: bool
    changed_at: datetime
    changed_by: str
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class TeamDetail:
    """A team with its members, by handle. An open team keeps them for when it is closed again."""

    team: Team
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What one person may see: the closed teams of the registry, folded, each with the level of the person in it."""

    closed: Mapping[str, Level | None] = field(default_factory=lambda: MappingProxyType({}))
    handle: str = ""

    def __bool__(self) -> bool:
        """True where anything is closed at all."""
        return bool(self.closed)

    @property
    def hidden(self) -> frozenset[str]:
        """The teams, folded, of which the person sees nothing."""
        return frozenset(team for team, level in self.closed.items() if level is None)

    def hides(self, team: str) -> bool:
        """True where the person sees nothing of the team."""
        key = fold(team)
        return key in self.closed and self.closed[key] is None

    def allows(self, name: Name, level: Level) -> bool:
        """True where the person has this level, or a higher one, in the team of `name`."""
        held = self.closed.get(fold(name.team), Level.MANAGE)
        return held is not None and held.includes(level)

    def require(self, name: Name, level: Level) -> None:
        """Raises: PermissionDeniedError where the person sees the team of `name`, and has a lower level in it."""
        held = self.closed.get(fold(name.team), Level.MANAGE)
        if held is not None and not held.includes(level):
            raise PermissionDeniedError(
                f"{self.handle} has the level {held} in the closed team {name.team}, and this needs {level}",
                remedy=f"Ask who manages the team: forebear team member add {name.team} {self.handle} {level}",
                facts={"team": name.team, "level": held.value, "needed": level.value},
            )


EVERYTHING = Sight()


def fold(team: str) -> str:
    """The form under which teams are one."""
    return team.replace("_", "-")


def not_a_team(team: str, handle: str) -> PermissionDeniedError:
    """What to raise for making something in a team that does not exist, and in one that the person does not see."""
    return PermissionDeniedError(
        f"{handle} may not make anything in a team {team}: there is no such team that is open or that they belong to",
        remedy=f"Ask an admin for a new team: forebear team open {team}. Or ask who manages the team for a level in it",
        facts={"team": team},
    )


def check_team(text: str) -> str:
    """`text` if it can be the name of a team. Raises: InvalidError."""
    if not is_part(text) or len(text) > MAX_NAME - 2 or fold(text) == STAND_IN:
        raise InvalidError(f"{text[:80]!r} cannot be the name of a team", remedy="Write it as in team/name")
    return text
