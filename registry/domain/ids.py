"""Public ids: a kind and a ULID (48 bits of milliseconds, 80 random bits, Crockford base 32), so they sort by time."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ULID = "[0-7][0-9a-hjkmnp-tv-z]{25}"
_ID = re.compile(f"(step|req|ev|tok|pol|fnd|wai|rec|emg|sel|cor|whk|ses)-{ULID}")


def new_id(kind: str, at: datetime) -> str:
    """A new id such as `step-01jd…`, unique without asking anyone. `kind` is one of those in `_ID`."""
    number = (int(at.timestamp() * 1000) << 80) | secrets.randbits(80)
    return f"{kind}-" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """True when `text` has the form of a public id."""
    return bool(_ID.fullmatch(text))
