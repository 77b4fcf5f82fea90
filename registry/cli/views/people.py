"""How people and tokens look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.failures import note
from registry.cli.printing import moment, say, table, tell
from registry.domain.text import did_you_mean

if TYPE_CHECKING:
    from registry.domain.governance.promotion import PolicyValue
    from registry.domain.people.people import NewToken, Person, TokenSummary


def show_people(people: Sequence[Person]) -> None:
    """People, one a line."""
    rows = [
        (p.handle, p.name, ", ".join(p.roles), "service" if p.service else "person", moment(p.created_at))
        for p in people
    ]
    table(("Handle", "Name", "Roles", "Kind", "Since"), rows, empty="There are no people.")


def say_roles(person: Person) -> None:
    """The roles that someone has now."""
    tell(f"Roles of {person.handle}: {', '.join(person.roles) or 'none'}")


def note_role(role: str, policies: Sequence[PolicyValue]) -> None:
    """Say so of a role that no policy uses: most likely it is misspelt."""
    read = {"admin", "viewer"}
    for policy in policies:
        read |= {granted for roles in policy.roles.values() for granted in roles}
    if role not in read:
        note(f"Votes of the role {role!r} do not count. No published policy names it{did_you_mean(role, read)}")


def show_new_token(token: NewToken) -> None:
    """A secret, which is shown only once, and how long it is valid."""
    from rich.text import Text

    say(Text(token.secret, style="bold"))
    tell(f"It is shown only once. It is valid for {token.summary.person} until {moment(token.summary.expires_at)}")


def show_tokens(tokens: Sequence[TokenSummary]) -> None:
    """Tokens, one a line."""
    rows = [
        (
            token.id,
            token.person,
            token.label,
            f"…{token.last_four}",
            moment(token.expires_at),
            token.last_used_at,
            f"revoked {moment(token.revoked_at)}" if token.revoked_at else "",
        )
        for token in tokens
    ]
    columns = ("Token", "Person", "Label", "Ends in", "Valid until", "Last used", "State")
    table(columns, rows, empty="There are no tokens.", drop=("Last used", "Ends in", "Label"))
