"""`Content-Digest` (RFC 9530): what a client says that it sends is compared with what arrived."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from registry.errors import DigestMismatchError, UsageError

KNOWN = {"sha-256": "sha256", "sha-512": "sha512"}
"""The algorithms that RFC 9530 calls active, and their names in `hashlib`."""
_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):\s*")


class Digests:
    """Hashes what is fed to it by every algorithm that the header names."""

    def __init__(self, expected: Mapping[str, bytes]) -> None:
        self.expected = expected
        self._hashes: dict[str, Any] = {name: hashlib.new(KNOWN[name]) for name in expected}

    @classmethod
    def parse(cls, header: str | None) -> Digests | None:
        """None without a header. Raises: UsageError for one that cannot be read or names no algorithm known here."""
        if header is None:
            return None
        members = [_MEMBER.fullmatch(part) for part in header.split(",")]
        try:
            named = {one[1]: base64.b64decode(one[2], validate=True) for one in members if one is not None}
        except binascii.Error:
            named = {}
        expected = {name: value for name, value in named.items() if name in KNOWN}
        if None in members or not expected:
            raise UsageError(
                "The Content-Digest cannot be checked",
                remedy="Write sha-256=:BASE64: or sha-512=:BASE64: (RFC 9530)",
            )
        return cls(expected)

    def feed(self, data: bytes) -> None:
        """Hash the next bytes."""
        for one in self._hashes.values():
            one.update(data)

    def check(self, what: str) -> None:
        """Raises: DigestMismatchError with the expected and the actual digests."""
        actual = {name: one.digest() for name, one in self._hashes.items()}
        if actual != self.expected:
            raise DigestMismatchError(
                f"The {what} does not have the digest that was sent with it",
                remedy="Send it again: it was changed on the way, or the digest is of something else",
                facts={"expected": _written(self.expected), "actual": _written(actual)},
            )


def written(digest: bytes, name: str = "sha-256") -> str:
    """A digest as a member of a header: `sha-256=:…:`."""
    return f"{name}=:{base64.b64encode(digest).decode()}:"


def _written(digests: Mapping[str, bytes]) -> dict[str, str]:
    return {name: written(value, name) for name, value in digests.items()}
