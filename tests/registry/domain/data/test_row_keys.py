"""The sample of rows by which data with the same content are found."""

from __future__ import annotations

import random

from lineage import Digest
from registry.domain.data.row_keys import ONE_IN, SMALLEST, row_key, sampled


def test_a_key_is_the_first_64_bits_of_the_digest_with_a_sign() -> None:
    assert row_key("00" * 7 + "01" + "ff" * 24) == 1
    assert row_key("ff" * 32) == -1
    digest = Digest.of(b"a row")
    assert row_key(digest.hex) == int.from_bytes(bytes.fromhex(digest.hex)[:8], "big", signed=True)


def test_few_rows_are_all_in_the_sample_and_of_many_one_in_thirty_two() -> None:
    chance = random.Random(0)
    keys = {chance.getrandbits(64) - 2**63 for _ in range(100_000)}
    few = sorted(keys)[500:1500]
    assert sampled(few) == few
    assert sampled(set(list(keys)[:2000])) == sorted(list(keys)[:2000])[:SMALLEST]
    assert abs(len(sampled(keys)) - 100_000 / ONE_IN) < 300


def test_the_share_that_two_samples_have_in_common_is_that_of_the_rows() -> None:
    """The smaller one is found in the larger one, a hundred times as large, by rows that both samples hold."""
    chance = random.Random(1)
    keys = [chance.getrandbits(64) - 2**63 for _ in range(200_000)]
    small, large = set(keys[:20_000]), set(keys[18_000:])
    hits = len(set(sampled(large)) & small)
    assert abs(hits - 2_000 / ONE_IN) < 30
