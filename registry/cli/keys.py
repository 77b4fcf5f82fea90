"""Private keys of people, in files of their own."""

from __future__ import annotations

from pathlib import Path

from registry.errors import InvalidError, NotFoundError
from registry.files import write_whole

MAX_SIZE = 16_384


def read_key(file: Path) -> bytes:
    """The private key in a file. Raises: NotFoundError, InvalidError."""
    try:
        with file.expanduser().open("rb") as stream:
            pem = stream.read(MAX_SIZE + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no key {file}", remedy="Make one: forebear person key FILE") from error
    except OSError as error:
        raise InvalidError(f"{file} cannot be read") from error
    if len(pem) > MAX_SIZE:
        raise InvalidError(f"{file} is no key: it is too large")
    return pem


def key_in(file: Path) -> tuple[bytes, bool]:
    """The private key in a file, which is made where there is none; and whether it was. Raises: InvalidError."""
    from registry.domain.people.keys import new_key

    where = file.expanduser()
    if where.exists():
        return read_key(file), False
    pem = new_key()
    try:
        write_whole(where, pem, private=True, replace=False)
    except OSError as error:
        raise InvalidError(f"{file} cannot be written") from error
    return read_key(file), True
