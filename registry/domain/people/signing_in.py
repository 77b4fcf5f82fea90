"""What a program asks for that signs somebody in."""

from __future__ import annotations

from dataclasses import dataclass

from registry.domain.people.people import Scope

TOKEN_DAYS = 90


@dataclass(frozen=True, slots=True)
class AskedToken:
    """The token that somebody wants who signs in from a program."""

    label: str
    scope: Scope = Scope.CONTRIBUTE
    days: int = TOKEN_DAYS
