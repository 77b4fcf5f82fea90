"""Why a condition has no answer. It then counts as not fulfilled."""

from __future__ import annotations

from dataclasses import dataclass


class UnanswerableError(Exception):
    """The expression cannot be evaluated on these facts; the message says why. It then counts as not fulfilled."""


class EmptyWalkError(UnanswerableError):
    """`all` over an empty list: nothing was checked, so nothing is shown."""


class TooCostlyError(UnanswerableError):
    """The expression takes more steps than are allowed; no operand of `||` makes up for it."""


@dataclass(frozen=True, slots=True)
class Untold:
    """Stands in the facts where the registry cannot tell one; a condition that reads it has no answer, for `reason`."""

    reason: str


def told(value: object) -> object:
    """`value`, unless nobody can tell it. Raises: UnanswerableError."""
    if isinstance(value, Untold):
        raise UnanswerableError(value.reason)
    return value
