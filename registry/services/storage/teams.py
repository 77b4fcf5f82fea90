"""Teams and their members as storage keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from registry.domain.people.people import Person
from registry.domain.people.teams import Level, Member, Sight, Team


class TeamRepository(Protocol):
    """Teams that somebody has closed or opened, under their folded names. Every other team is open."""

    def acting(self, handle: str) -> tuple[Person, Sight] | None:
        """A person with what they may see of closed teams; one statement more than the person where any is closed."""
        ...

    def get(self, name: str) -> Team | None: ...
    def list(self) -> Sequence[Team]:
        """By name."""
        ...

    def state(self) -> Mapping[str, str]:
        """What the rows say of each team and each level, to be held against the log."""
        ...

    def count_closed(self) -> int: ...
    def exists(self, name: str) -> bool:
        """True where the team has a row, or something was ever registered in it."""
        ...

    def put(self, team: Team) -> None:
        """Keep a team, in place of how it was before."""
        ...

    def members(self, name: str) -> Sequence[Member]:
        """By handle."""
        ...

    def member(self, name: str, handle: str) -> Member | None: ...
    def set_member(self, name: str, member: Member) -> None:
        """Give a person a level, in place of the one before."""
        ...

    def remove_member(self, name: str, handle: str) -> None: ...
    def teams_of(self, handle: str) -> Sequence[tuple[Team, Level]]:
        """The teams in which a person has a level, by name."""
        ...
