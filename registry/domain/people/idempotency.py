"""Requests that may be sent twice: a key names the request, and the second one gets the answer of the first.

The semantics are those of draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from lineage import Digest
from registry.errors import UsageError

KEPT_FOR = timedelta(hours=24)
"""How long a key and its answer are kept."""
MAX_KEYS = 5000
"""Keys of one person that are kept at a time."""
MAX_ANSWER = 32 * 1024
"""Compressed bytes of an answer that is kept; of a larger one it is only known that it was given."""
KEY = "[!-~]{1,255}"
"""The form of a key, as a regular expression: visible ASCII."""
_KEY = re.compile(KEY)


@dataclass(frozen=True, slots=True)
class Claim:
    """That one attempt at a request makes: only one attempt with `key` has an effect. `request` digests all of it."""

    key: str
    request: Digest
    attempt: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with; `body` is None where it cannot be given again."""

    status: int
    media: str
    body: bytes | None


def check_key(text: str) -> str:
    """`text` without the quotes of a structured string. Raises: UsageError."""
    key = text.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not _KEY.fullmatch(key):
        raise UsageError(
            "An Idempotency-Key is 1 to 255 visible ASCII characters", remedy="Send a UUID, a new one for each request"
        )
    return key
