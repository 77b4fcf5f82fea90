"""Keys of people: Ed25519 (RFC 8032). Public keys and signatures are written in hexadecimal, private ones as PEM."""

from __future__ import annotations

import re
from functools import lru_cache

from registry.errors import InvalidError

_PUBLIC, _SIGNATURE = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{128}")


def check_key(public: str) -> str:
    """`public` if it is a public key. Raises: InvalidError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - 70 ms

    if _PUBLIC.fullmatch(public):
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        except ValueError:
            pass
        else:
            return public
    raise InvalidError("This is no public Ed25519 key", remedy="Register one: forebear person key FILE")


@lru_cache(maxsize=4096)
def holds(public: str, signature: str, text: str) -> bool:
    """True when the key with this public half has signed `text`."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - 70 ms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

    if not (_PUBLIC.fullmatch(public) and _SIGNATURE.fullmatch(signature)):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def new_key() -> bytes:
    """A new private key as PEM (PKCS 8), from the operating system's random numbers."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 70 ms
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - as above

    return ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_key(pem: bytes) -> str:
    """The public half of a private key. Raises: InvalidError."""
    raw: bytes = _private(pem).public_key().public_bytes_raw()
    return raw.hex()


def sign(pem: bytes, text: str) -> str:
    """The signature of a private key over `text`. Raises: InvalidError."""
    signature: bytes = _private(pem).sign(text.encode())
    return signature.hex()


def _private(pem: bytes):  # type: ignore[no-untyped-def]
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - 70 ms
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise InvalidError("This is no private key without a password, in PEM") from error
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise InvalidError("This is no Ed25519 key", remedy="Make one: forebear person key FILE")
    return private
