"""How teams look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from registry.cli.printing import hint, moment, table, tell
from registry.domain.people.teams import Team, TeamDetail


def show_teams(teams: Sequence[Team]) -> None:
    """Teams, one a line."""
    rows = [
        (one.name, "closed" if one.closed else "open", one.level or "", f"{moment(one.changed_at)} by {one.changed_by}")
        for one in teams
    ]
    table(("Team", "State", "Your level", "Since"), rows, empty="Every team is open.")


def show_team(detail: TeamDetail) -> None:
    """Whether a team is closed, and its members, one a line."""
    team = detail.team
    state = "is closed to all but its members" if team.closed else "is open: everybody who may read sees it"
    tell(f"The team {team.name} {state}")
    rows = [(one.handle, one.level, f"{moment(one.since)} by {one.given_by}") for one in detail.members]
    table(("Person", "Level", "Since"), rows, empty="Nobody has a level in it.")
    if detail.members and not team.closed:
        hint("Levels count once it is closed")
