"""ID tokens as somebody forges them: each is refused for its own reason, and a good one names its person."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from joserfc import jws
from joserfc.jwk import Key, OctKey, RSAKey

from registry.auth.oidc.claims import identity_of
from registry.auth.oidc.provider import Provider
from registry.domain.people.identities import Identity
from registry.errors import UnauthenticatedError
from tests.providing import CLIENT, new_key, signed

ISSUER, NOW = "https://id.example", 1_800_000_000.0
ES, RSA, ED, OTHER = new_key("ES256"), new_key("RS256", "two"), new_key("EdDSA", "three"), new_key("ES256")
GOOD: dict[str, object] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "u-1",
    "nonce": "n",
    "iat": NOW,
    "exp": NOW + 300,
    "preferred_username": "Ana.S",
    "name": "Ana Silva",
    "groups": ["b", "a", 7],
}


def provider(*keys: Key | dict[str, Any], **fields: Any) -> Provider:
    """A provider that has published these keys."""
    made = Provider(ISSUER, CLIENT, **fields)
    published = [one if isinstance(one, dict) else one.as_dict(private=False) for one in keys or (ES, RSA, ED)]
    at = {f"{name}_endpoint": f"{ISSUER}/{name}" for name in ("authorization", "token")}
    made._documents[f"{ISSUER}/.well-known/openid-configuration"] = (
        time.monotonic(),
        {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys", **at},
    )
    made._documents[f"{ISSUER}/keys"] = (time.monotonic(), {"keys": published})
    return made


def read(token: str, of: Provider | None = None, nonce: str = "n") -> Identity:
    return identity_of(token, of or provider(), nonce=nonce, now=NOW, groups="groups", began=NOW - 5)


@pytest.mark.parametrize(("key", "algorithm"), [(ES, "ES256"), (RSA, "RS256"), (ED, "EdDSA")])
def test_a_good_token_names_its_person_by_issuer_and_subject(key: Key, algorithm: str) -> None:
    found = read(signed(GOOD, key, algorithm))
    assert found == Identity(ISSUER, "u-1", "Ana.S", "Ana Silva", ("a", "b"))


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({**GOOD, "iss": "https://id.example/"}, "issued by somebody else"),
        (without("iss"), "issued by somebody else"),
        ({**GOOD, "aud": "another"}, "for another program"),
        ({**GOOD, "aud": ["another"]}, "for another program"),
        (without("aud"), "for another program"),
        ({**GOOD, "aud": [CLIENT, "another"]}, "given to another program"),
        ({**GOOD, "aud": [CLIENT, "another"], "azp": "another"}, "given to another program"),
        ({**GOOD, "azp": "another"}, "given to another program"),
        ({**GOOD, "nonce": "m"}, "not made for this sign-in"),
        (without("nonce"), "not made for this sign-in"),
        ({**GOOD, "exp": NOW - 61}, "has expired"),
        ({**GOOD, "exp": "2099"}, "no time exp"),
        (without("exp"), "no time exp"),
        ({**GOOD, "exp": True}, "no time exp"),
        ({**GOOD, "iat": NOW + 61}, "not made just now"),
        ({**GOOD, "iat": NOW - 3600}, "not made just now"),
        (without("iat"), "no time iat"),
        ({**GOOD, "nbf": NOW + 120}, "not valid yet"),
        (without("sub"), "names nobody"),
        ({**GOOD, "sub": ""}, "names nobody"),
        ({**GOOD, "sub": 7}, "names nobody"),
        ({**GOOD, "sub": "a\nb"}, "names nobody"),
        ({**GOOD, "sub": "x" * 256}, "names nobody"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(claims: dict[str, object], why: str) -> None:
    with pytest.raises(UnauthenticatedError, match=why):
        read(signed(claims, ES, "ES256"))


def unsigned(header: dict[str, object]) -> str:
    parts = (json.dumps(header).encode(), json.dumps(GOOD).encode())
    return ".".join(base64.urlsafe_b64encode(one).decode().rstrip("=") for one in parts) + "."


def by_public_key() -> str:
    """Signed by HMAC with what everybody can read: the published RSA key as PEM."""
    parts = ({"alg": "HS256", "kid": "two"}, GOOD)
    text = ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts)
    proof = hmac.digest(cast("RSAKey", RSA).as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(proof).decode().rstrip('=')}"


def tampered() -> str:
    head, _, tail = signed(GOOD, ES, "ES256").split(".")
    body = base64.urlsafe_b64encode(json.dumps({**GOOD, "sub": "u-2"}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{tail}"


@pytest.mark.parametrize(
    "forge",
    [
        lambda: unsigned({"alg": "none"}),
        lambda: unsigned({"alg": "None", "kid": "one"}),
        lambda: unsigned({"alg": "ES256", "kid": "one"}),
        lambda: unsigned({"kid": "one"}),
        by_public_key,
        tampered,
        lambda: signed(GOOD, OTHER, "ES256"),
        lambda: signed(GOOD, OTHER, "ES256", jwk=OTHER.as_dict(private=False)),
        lambda: signed(GOOD, OTHER, "ES256", jku="https://evil.example/keys"),
        lambda: signed(GOOD, RSA, "RS384"),
        lambda: signed(GOOD, RSA, "PS256"),
        lambda: signed(GOOD, RSA, "RS256", kid="one"),
        lambda: signed(GOOD, ES, "ES256", crit=["kid"]),
        lambda: signed(GOOD, ES, "ES256") + ".more.parts",
        lambda: "",
        lambda: "a.b.c",
        lambda: "e30." * 40_000,
    ],
)
def test_a_token_that_the_provider_did_not_sign_in_an_allowed_way_is_refused(forge: Callable[[], str]) -> None:
    with pytest.raises(UnauthenticatedError, match="ID token is refused") as refused:
        read(forge())
    assert "u-1" not in str(refused.value)


def test_an_algorithm_that_the_settings_leave_out_is_refused() -> None:
    only = provider(algorithms=("RS256",))
    assert read(signed(GOOD, RSA, "RS256"), only).subject == "u-1"
    with pytest.raises(UnauthenticatedError, match="not signed in a way that is allowed"):
        read(signed(GOOD, ES, "ES256"), only)


def test_a_symmetric_key_among_the_published_ones_and_a_short_rsa_key_check_nothing() -> None:
    shared = OctKey.generate_key(256, {"kid": "one"})
    token = jws.serialize_compact({"alg": "HS256", "kid": "one"}, json.dumps(GOOD).encode(), shared)
    with pytest.raises(UnauthenticatedError):
        read(token, provider(shared.as_dict(private=True)))
    short = new_key("RS256", size=1024)
    with pytest.raises(UnauthenticatedError, match="signature"):
        read(signed(GOOD, short, "RS256"), provider(short))
    assert read(signed(GOOD, ES, "ES256"), provider({"kty": "EC", "crv": "P-256", "kid": "one", "x": "?"}, ES))
