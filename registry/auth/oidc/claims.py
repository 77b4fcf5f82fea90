"""ID tokens: whether one is good, and whom it names (OpenID Connect Core 1.0 section 3.1.3.7).

The algorithm is one that the settings allow, whatever the token says, and the key is one of that kind: no token picks
how it is checked. Keys come from the provider's own document, never from the token (`jwk`, `jku`, `x5u`).
"""

from __future__ import annotations

import base64
import hmac
import json
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from registry.auth.oidc.provider import Provider
from registry.domain.people.identities import Identity
from registry.errors import MissingExtraError, UnauthenticatedError

LEEWAY, LONGEST = 60, 600
"""Seconds that clocks may differ by, and seconds between the making of a token and its use here."""
_KINDS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
_LEAST_RSA = 2048
_MOST = 64 * 1024


def library() -> ModuleType:
    """`joserfc.jws`. Raises: MissingExtraError."""
    try:
        from joserfc import jws  # noqa: PLC0415 - an extra, needed where there is a provider
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Signing in by a provider needs the package joserfc", remedy="Install it: pip install 'forebear[oidc]'"
        ) from error
    return jws


def identity_of(token: str, provider: Provider, *, nonce: str, now: float, groups: str, began: float) -> Identity:
    """Whom a good ID token names; `now` and when it `began` in seconds since 1970, `groups` the claim with the groups.

    Raises: UnauthenticatedError, which says what is wrong and repeats nothing of the token; UnavailableError.
    """
    claims = _verified(token, provider)
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != provider.issuer:
        raise _bad("it was issued by somebody else")
    if provider.client not in several:
        raise _bad("it is for another program")
    if (len(several) > 1 or "azp" in claims) and claims.get("azp") != provider.client:
        raise _bad("it was given to another program")
    if not hmac.compare_digest(_text(claims, "nonce").encode(), nonce.encode()):
        raise _bad("it was not made for this sign-in")
    if not _number(claims, "exp") > now - LEEWAY:
        raise _bad("it has expired")
    if not now - LONGEST - LEEWAY < _number(claims, "iat") < now + LEEWAY:
        raise _bad("it was not made just now")
    if "nbf" in claims and not _number(claims, "nbf") < now + LEEWAY:
        raise _bad("it is not valid yet")
    subject = _text(claims, "sub")
    if not subject or len(subject) > 255 or not subject.isprintable():
        raise _bad("it names nobody")
    return Identity(
        provider.issuer,
        subject,
        handle=_text(claims, "preferred_username") or _text(claims, "email").partition("@")[0],
        name=_text(claims, "name"),
        groups=_groups(claims.get(groups)),
        anew="auth_time" in claims and _number(claims, "auth_time") > began - LEEWAY,
    )


def _verified(token: str, provider: Provider) -> Mapping[str, Any]:
    """The claims, once the signature is checked."""
    jws = library()
    from joserfc.errors import JoseError, SecurityWarning  # noqa: PLC0415 - as above
    from joserfc.jwk import import_key  # noqa: PLC0415 - as above

    header = _header(token)
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in provider.algorithms or algorithm not in _KINDS:
        raise _bad("it is not signed in a way that is allowed here")
    if "crit" in header or "b64" in header:
        raise _bad("its header asks for something that is not known here")
    kind, curve = _KINDS[algorithm]

    def fits(key: Mapping[str, Any]) -> bool:
        own = key.get("kty") == kind and (curve is None or key.get("crv") == curve)
        return (
            own
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
            and (kid is None or key.get("kid") == kid)
        )

    # RFC 9864 gives the algorithm another name, Ed25519; providers still write this one.
    warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)
    registry = jws.JWSRegistry(algorithms=[algorithm])
    for one in provider.keys(fits)[:8]:
        try:
            if kind == "RSA" and _bits(one.get("n")) < _LEAST_RSA:
                continue
            key = import_key(dict(one))
            claims = json.loads(jws.deserialize_compact(token, key, registry=registry).payload)
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
        if isinstance(claims, dict):
            return claims
    raise _bad("its signature is not the provider's")


def _header(token: str) -> Mapping[str, Any]:
    start, *rest = token.split(".")
    try:
        header = json.loads(base64.urlsafe_b64decode(start + "=" * (-len(start) % 4))) if len(token) < _MOST else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or len(rest) != 2:
        raise _bad("it is no signed token")
    return header


def _bits(modulus: object) -> int:
    """The length of an RSA key, by its modulus in base 64."""
    text = modulus if isinstance(modulus, str) else ""
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))).bit_length()


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    return value if isinstance(value, str) else ""


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad(f"it has no time {name}")
    return float(value)


def _groups(value: object) -> tuple[str, ...]:
    listed: Sequence[object] = value if isinstance(value, list) else [value]
    return tuple(sorted({one for one in listed if isinstance(one, str) and one}))


def _bad(why: str) -> UnauthenticatedError:
    return UnauthenticatedError(f"The provider's ID token is refused: {why}", remedy="Sign in again")
