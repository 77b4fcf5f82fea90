"""Passwords: which are refused, and the published parameters of their hash.

NIST SP 800-63B-4 section 3.1.1.2: at least 15 characters where a password is all that is asked for, at least 64
allowed, no rules about kinds of characters, no change without a reason, and a comparison with what is tried first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from registry.errors import InvalidError

LEAST, MOST = 15, 256
"""Characters of a password."""
LEFT = 8
"""Characters that are left at least without well-known words, names, and repeated or counted characters."""
TIME_COST, MEMORY_KIB, LANES, SALT, LENGTH = 3, 65536, 4, 16, 32
"""Argon2id as RFC 9106 section 4 recommends it where memory is scarce: three passes over 64 MiB in four lanes, a salt
of 16 bytes and a hash of 32."""
COMMON = (
    *("password", "passwort", "passphrase", "passw0rd", "p@ssw0rd", "p@ssword", "pa55word", "kennwort", "motdepasse"),
    *(
        "contrasena",
        "senha",
        "wachtwoord",
        "parola",
        "haslo",
        "letmein",
        "welcome",
        "willkommen",
        "bienvenue",
        "changeme",
    ),
    *("default", "administrator", "admin", "root", "user", "login", "test", "guest", "secret", "iloveyou", "monkey"),
    *("dragon", "football", "baseball", "basketball", "princess", "sunshine", "superman", "batman", "master", "shadow"),
    *("michael", "jordan", "michelle", "charlie", "ashley", "jennifer", "qwertyuiop", "qwertzuiop", "asdfghjkl"),
    *(
        "zxcvbnm",
        "yxcvbnm",
        "azertyuiop",
        "qwerty",
        "qwertz",
        "azerty",
        "asdfgh",
        "1q2w3e4r5t",
        "1qaz2wsx3edc",
        "qazwsx",
    ),
    *(
        "1q2w3e4r",
        "1qaz2wsx",
        "zaq12wsx",
        "abc123",
        "trustno1",
        "whatever",
        "starwars",
        "computer",
        "internet",
        "hello",
    ),
    *("summer", "winter", "spring", "autumn", "january", "february", "october", "november", "december", "september"),
    *("company", "forebear", "registry", "model", "correcthorsebatterystaple", "loveyou", "killer", "freedom", "ninja"),
    *("mustang", "access", "flower", "cheese", "pokemon", "samsung", "google", "chelsea", "liverpool", "arsenal"),
)
"""What lists of leaked passwords consist of again and again, longer words before their parts where both are here."""
_WORDS = re.compile("|".join(re.escape(one) for one in sorted(COMMON, key=len, reverse=True)))
_NUMBER = re.compile(r"(?<![^\W_])[0-9]+(?![^\W_])")
"""A word of digits alone: a year, a date, a telephone number."""
_BETWEEN = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class PasswordSummary:
    """That somebody has a password, since when, and who had made what it was set with; never the password."""

    person: str
    set_at: datetime
    made_by: str
    """Who could sign in as this person when it was set: mostly they alone, else who had made the token."""


@dataclass(frozen=True, slots=True)
class KeptPassword:
    """A password as it is stored: the hash in the PHC format, which names its own parameters and salt."""

    summary: PasswordSummary
    hash: str


def normal(password: str) -> str:
    """The form that is hashed: NFKC, so that every keyboard sends the same (NIST SP 800-63B-4 section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, names: Collection[str]) -> str:
    """`password` in the form that is hashed, if it may be one. `names` are those of its person.

    Raises: InvalidError; the message never holds any of it.
    """
    form = normal(password)
    if not form.isprintable():
        raise InvalidError("A password holds no control characters", remedy="Type it, or paste it without line breaks")
    if not LEAST <= len(form) <= MOST:
        raise InvalidError(
            f"A password has {LEAST} to {MOST} characters, and this one has {len(form)}",
            remedy="Take four words that have nothing to do with each other, or let a password manager make one",
        )
    if _left(form, names) < LEFT:
        raise InvalidError(
            "This password is among those that are tried first: it is made of well-known words, names, repetitions or "
            "counting",
            remedy="Take four words that have nothing to do with each other, or let a password manager make one",
        )
    return form


def _left(form: str, names: Collection[str]) -> int:
    """How many characters are left without well-known words, names, repetitions and counting."""
    rest = form.casefold()
    parts = {part for name in names for part in (name.casefold(), *_BETWEEN.split(name.casefold()))}
    for one in sorted((part for part in parts if len(part) > 2), key=len, reverse=True):
        rest = rest.replace(one, " ")
    rest = _WORDS.sub(" ", rest)
    rest = _NUMBER.sub("", _unit(rest))
    return len("".join(rest.split())) - _steps(rest)


def _unit(text: str) -> str:
    """What `text` repeats, if it is nothing but repetitions of it (the last perhaps cut off)."""
    for size in range(1, len(text) // 2 + 1):
        if (text[:size] * (len(text) // size + 1))[: len(text)] == text:
            return text[:size]
    return text


def _steps(text: str) -> int:
    """Characters that are the one before, or the next or previous one in the alphabet: `aaa`, `abc`, `321`."""
    return sum(abs(ord(one) - ord(before)) <= 1 for before, one in pairwise(text) if one.isalpha() and before.isalpha())
