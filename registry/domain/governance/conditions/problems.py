"""Why a condition has no answer. It then counts as not fulfilled."""

from __future__ import annotations


class UnanswerableError(Exception):
    """The expression cannot be evaluated on these facts; the message says why. It then counts as not fulfilled."""


class EmptyWalkError(UnanswerableError):
    """`all` over an empty list: nothing was checked, so nothing is shown."""


class TooCostlyError(UnanswerableError):
    """The expression takes more steps than are allowed; no operand of `||` makes up for it."""
