"""The chunks of a xorb come out as they went in, however they were packed."""

from __future__ import annotations

import io

import pytest

from registry.domain.drafts.xet.xorbs import chunks_of
from registry.errors import BadArtifactError
from tests.registry.domain.drafts.xet.building import chunk

BODY = bytes(range(256)) * 9 + b"abc"


@pytest.mark.parametrize("scheme", [0, 1, 2])
def test_chunks_are_unpacked(scheme: int) -> None:
    bodies = [BODY, b"x", BODY[:1001]]
    xorb = b"".join(chunk(body, scheme) for body in bodies)
    assert list(chunks_of(io.BytesIO(xorb))) == bodies
    assert list(chunks_of(io.BytesIO(xorb + b"XETBLOB and more"))) == bodies


def test_what_is_no_xorb_is_refused() -> None:
    good = chunk(BODY)
    for wrong in (
        b"abc",
        good[:-1],
        b"\x01" + good[1:],
        good[:4] + b"\x07" + good[5:],
        good[:5] + b"\0\0\0" + good[8:],
    ):
        with pytest.raises(BadArtifactError):
            list(chunks_of(io.BytesIO(wrong)))
    with pytest.raises(BadArtifactError, match="too large"):
        list(chunks_of(io.BytesIO(chunk(bytes(128 * 1024 + 1)))))
