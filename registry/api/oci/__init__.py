"""The read door of the OCI distribution protocol (distribution-spec 1.1): `oras pull` reads governed versions here."""

from __future__ import annotations

import base64
import re

_ADDRESS = re.compile(r"/v2/?|/v2/[^/]+/[^/]+/(?:manifests|blobs|tags|referrers)(?:/.*)?")


def is_oci(path: str) -> bool:
    """True for an address of the protocol: its answers are for programs."""
    return _ADDRESS.fullmatch(path) is not None


def as_bearer(header: str) -> str:
    """The header `Authorization` of a client that signs in by name and password: the password is the token.

    The name is not looked at: the token says who somebody is. Another scheme, and what cannot be read, stays as it is.
    """
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "basic":
        return header
    try:
        _, found, password = base64.b64decode(secret.strip(), validate=True).decode().partition(":")
    except ValueError:  # of the decoding of either
        return header
    return f"Bearer {password}" if found else header
