"""Access tokens: `fbr_`, 32 random base-62 characters (190 bits), and 6 of checksum.

The checksum (CRC-32 of all before it, in base 62) lets a typo be refused without a database query, and lets a scanner
tell a real token from similar text. Only the SHA-256 of a token is ever stored: 190 random bits need no salt.
"""

from __future__ import annotations

import hmac
import re
import secrets
import zlib

from lineage import Digest

PREFIX = "fbr_"
PATTERN = r"fbr_[0-9A-Za-z]{38}"
"""For secret scanners."""
MAX_DAYS = 365

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM, _CHECKSUM = 32, 6
_SECRET = re.compile(PATTERN)


def new_secret() -> str:
    """A new token, from the operating system's random numbers."""
    start = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return start + _checksum(start)


def is_well_formed(secret: str) -> bool:
    """True when `secret` has the form and the checksum of a token; compared in constant time."""
    if not _SECRET.fullmatch(secret):
        return False
    return hmac.compare_digest(_checksum(secret[:-_CHECKSUM]), secret[-_CHECKSUM:])


def hash_secret(secret: str) -> Digest:
    """What is stored instead of the token, and looked up by."""
    return Digest.of(secret.encode())


def _checksum(start: str) -> str:
    number = zlib.crc32(start.encode())
    digits = ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
