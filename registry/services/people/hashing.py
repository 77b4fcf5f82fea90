"""Hashes of passwords: Argon2id with the parameters of `registry.domain.people.passwords`, in bounded memory."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from registry.domain.people.passwords import LANES, LENGTH, MEMORY_KIB, MOST, SALT, TIME_COST, KeptPassword, normal
from registry.errors import MissingExtraError, UnauthenticatedError, UnavailableError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

AT_ONCE, WAIT_SECONDS = 4, 10.0
"""Passwords that are hashed at the same time, each in 64 MiB, and how long another one waits for its turn."""
_turns = BoundedSemaphore(AT_ONCE)


@cache
def _hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher  # noqa: PLC0415 - an extra, needed where passwords are turned on
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Passwords need the package argon2-cffi", remedy="Install it: pip install 'forebear[passwords]'"
        ) from error
    return PasswordHasher(TIME_COST, MEMORY_KIB, LANES, LENGTH, SALT)


def check_installed() -> None:
    """Raises: MissingExtraError where passwords cannot be hashed here."""
    _hasher()


@cache
def _of_nobody() -> str:
    """What the password of somebody who has none is compared with, so that it takes as long."""
    return _hasher().hash(secrets.token_urlsafe(32))


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=WAIT_SECONDS):
        raise UnavailableError("Too many people sign in with a password at this moment", remedy="Repeat it in a minute")
    try:
        yield
    finally:
        _turns.release()


def hash_password(password: str) -> str:
    """Its hash with a salt of its own, in the PHC format. Raises: MissingExtraError, UnavailableError."""
    with _turn():
        return _hasher().hash(password)


def verify_password(kept: str | None, password: str) -> bool:
    """True when `kept` is a hash of `password`; None, for nobody, takes as long and is False.

    Raises: MissingExtraError, UnavailableError.
    """
    hasher, of_nobody = _hasher(), _of_nobody()
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - as above

    with _turn():
        try:
            hasher.verify(kept or of_nobody, password)
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """True for a hash that was made with other parameters."""
    return _hasher().check_needs_rehash(kept)


def password_proof(kept: KeptPassword | None, proof: str, what: str) -> str:
    """Who could give this password, as a fresh sign-in; compared slowly, so outside of the writer's lock.

    Raises: UnauthenticatedError.
    """
    if verify_password(kept.hash if kept else None, normal(proof[: MOST * 4])) and kept is not None:
        return kept.summary.made_by
    raise UnauthenticatedError(
        f"{what} takes a fresh sign-in, and this is neither a valid token of yours nor your password",
        remedy="Give one of your tokens (forebear token create makes one), or the password that you have now",
    )
