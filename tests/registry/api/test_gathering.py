"""Bodies are handled in larger pieces than they come in, and nothing of them is lost or changed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from registry.api.gathering import gathered


async def coming(pieces: list[bytes], *, broken: bool = False) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if broken:
        raise ConnectionError("The client went away")


def collected(pieces: list[bytes], *, broken: bool = False) -> list[bytes]:
    async def collect() -> list[bytes]:
        return [piece async for piece in gathered(coming(pieces, broken=broken), 4)]

    return anyio.run(collect)


def test_pieces_are_joined_until_they_are_large_enough() -> None:
    assert collected([b"ab", b"", b"cd", b"e", b"f", b"ghijk", b"l"]) == [b"abcd", b"efghijk", b"l"]
    assert collected([]) == []
    assert collected([b"", b""]) == [b""], "an empty body is no error of its own"


def test_a_body_that_breaks_off_is_an_error_as_before() -> None:
    with pytest.raises(ConnectionError):
        collected([b"abcd", b"e"], broken=True)
