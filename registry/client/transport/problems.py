"""From a problem body (RFC 9457) back to the error that the server raised."""

from __future__ import annotations

from collections.abc import Mapping

from registry import __version__
from registry.domain.codec.problems import error_of
from registry.errors import Family, OtherVersionError, RegistryError

MEDIA_TYPE = "application/problem+json"
UNKNOWN_HERE = frozenset({"method-not-allowed", "bad-filter"})
"""Codes of requests that the server does not know; besides those to an address that it does not have."""


def error_in(body: Mapping[str, object], status: int) -> RegistryError:
    """The error that a problem body describes, as an instance of its class.

    An error whose code has no class here is a RegistryError with this code, of the family of its HTTP status.
    """
    code, facts = str(body.get("code", "")), body.get("facts")
    message, remedy = str(body.get("detail", "")), str(body.get("remedy", ""))
    known = facts if isinstance(facts, dict) else {}
    found = error_of(code, message, remedy=remedy, facts=known)
    if found is None:
        found = RegistryError(message, remedy=remedy, facts=known)
        found.code = code or RegistryError.code
        found.family = next((family for family in Family if family.status == status), Family.INTERNAL)
    return found


def other_version(server: str, what: str) -> OtherVersionError:
    """What to raise when the two do not understand each other; `server` is the version that it named, or empty."""
    return OtherVersionError(
        f"{what}: the server runs Forebear {server or 'of an unknown version'}, and this is Forebear {__version__}",
        remedy="Install the version of the server here, or ask its admin to upgrade it",
        facts={"server": server, "client": __version__},
    )


def of_other_version(error: RegistryError, server: str) -> RegistryError:
    """`error`, unless it says that the server does not know the request and it runs another version."""
    unknown = error.code in UNKNOWN_HERE or "address" in error.facts
    if not unknown or not server or server == __version__:
        return error
    return other_version(server, f"The server does not know this request ({error.message})")
