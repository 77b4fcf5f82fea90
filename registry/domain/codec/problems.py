"""From the text of an error back to the error: its code names its class."""

from __future__ import annotations

from collections.abc import Mapping

from registry.errors import RegistryError


def error_of(
    code: str, message: str, *, remedy: str = "", facts: Mapping[str, object] | None = None
) -> RegistryError | None:
    """An error that was stored or sent as text, as an instance of its class again. None if no class has this code."""
    kind = _by_code(RegistryError, code)
    if kind is None:
        return None
    error = kind.__new__(kind)
    RegistryError.__init__(error, message, remedy=remedy, facts=facts)
    return error


def _by_code(kind: type[RegistryError], code: str) -> type[RegistryError] | None:
    if kind.code == code:
        return kind
    return next((found for child in kind.__subclasses__() if (found := _by_code(child, code))), None)
