"""How people and tokens look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.printing import hint, moment, say, table, tell
from registry.presenting.formats import number

if TYPE_CHECKING:
    from registry.domain.people.erasure import Erased
    from registry.domain.people.people import NewToken, Person, RoleOffer, TokenSummary
    from registry.domain.people.sessions import SessionSummary


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
    for role in person.offered:
        hint(f"Offered: {role}. Somebody else confirms it: forebear --as PERSON role confirm {person.handle} {role}")


def show_offers(offers: Sequence[RoleOffer]) -> None:
    """Offered roles, one a line."""
    rows = [(one.person, one.role, f"{moment(one.offered_at)} by {one.offered_by}") for one in offers]
    table(("Person", "Role", "Offered"), rows, empty="No role waits for a second person.")


def show_erased(erased: Erased) -> None:
    """That it was asked for, or what was done."""
    if erased.stand_in is None:
        tell(f"{erased.asked_by} asked to erase {erased.handle}. Somebody else confirms it within 7 days")
        hint(f"forebear --as PERSON person erase {erased.handle}")
        return
    tell(f"Erased: {erased.stand_in} stands for the person now; the audit log had {number(erased.entries)} entries")
    hint("Copies elsewhere still name the person: backups, exports of the log, MLflow (docs/audit.md)")


def show_new_token(token: NewToken) -> None:
    """A secret, which is shown only once, and how long it is valid."""
    from rich.text import Text

    say(Text(token.secret, style="bold"))
    tell(f"It is shown only once. It is valid for {token.summary.person} until {moment(token.summary.expires_at)}")


def show_enrolment(token: NewToken) -> None:
    """The secret, and what is to be done with it."""
    who = token.summary.person
    show_new_token(token)
    if not token.summary.confirmed_by:
        hint(f"Somebody else who decides confirms it: forebear --as PERSON token confirm {who}")
    hint(f"With it {who} makes a token: forebear login URL, then forebear token create {who}")


def show_sessions(sessions: Sequence[SessionSummary]) -> None:
    """Sessions, one a line."""
    rows = [
        (one.id, one.person, one.token or one.means.label, moment(one.started_at), one.used_at, moment(one.expires_at))
        for one in sessions
    ]
    columns = ("Session", "Person", "Signed in with", "Since", "Last used", "Ends")
    table(columns, rows, empty="There is no sign-in by a browser that lasts.", drop=("Since", "Person"))


def show_tokens(tokens: Sequence[TokenSummary]) -> None:
    """Tokens, one a line."""
    rows = [
        (
            token.id,
            token.person,
            token.label,
            f"{token.scope}, {token.reach}" if token.reach.limited else token.scope.value,
            f"…{token.last_four}",
            moment(token.expires_at),
            token.last_used_at,
            f"revoked {moment(token.revoked_at)}" if token.revoked_at else "",
        )
        for token in tokens
    ]
    columns = ("Token", "Person", "Label", "Scope", "Ends in", "Valid until", "Last used", "State")
    table(columns, rows, empty="There are no tokens.", drop=("Last used", "Ends in", "Label"))
