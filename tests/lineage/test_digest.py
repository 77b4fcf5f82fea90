"""Content addresses: one spelling in, one spelling out, and nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import BadDigestError, Digest
from tests.lineage.worlds import LAW


@LAW
@given(st.binary())
def test_a_digest_is_the_sha_256_of_the_bytes_and_reads_back(data: bytes) -> None:
    digest = Digest.of(data)
    assert digest.hex == hashlib.sha256(data).hexdigest()
    assert Digest.parse(str(digest)) == Digest.parse(digest.hex) == digest


def test_a_digest_is_shown_by_its_first_twelve_digits() -> None:
    assert Digest.of(b"weights").short == "sha256:9a129038d9a0"


@pytest.mark.parametrize("text", ["", "sha256:", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "md5:" + "a" * 64])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(BadDigestError, match="64 lower-case hexadecimal digits"):
        Digest.parse(text)
