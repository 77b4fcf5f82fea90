"""LZ4 frames of another implementation are read back, and what is none is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.drafts.xet.lz4 import read_frame
from registry.errors import BadArtifactError
from tests.registry.domain.drafts.xet.building import frame

BODIES = st.one_of(
    st.binary(max_size=2000),
    st.tuples(st.binary(min_size=1, max_size=9), st.integers(1, 900)).map(lambda one: one[0] * one[1]),
)


@given(BODIES)
def test_a_frame_is_read_back(body: bytes) -> None:
    assert read_frame(frame(body), len(body)) == body


@given(BODIES, st.integers(0, 300), st.integers(0, 255))
def test_a_frame_that_was_changed_gives_no_more_than_was_announced(body: bytes, at: int, value: int) -> None:
    packed = bytearray(frame(body))
    packed[at % len(packed)] = value
    with contextlib.suppress(BadArtifactError):
        assert len(read_frame(bytes(packed), len(body))) == len(body)


def test_what_is_no_frame_or_cut_short_is_refused() -> None:
    packed = frame(b"some bytes " * 50)
    for wrong in (b"", b"no frame at all", packed[:8], packed[:-20]):
        with pytest.raises(BadArtifactError):
            read_frame(wrong, 550)
    with pytest.raises(BadArtifactError, match="were announced"):
        read_frame(packed, 551)
