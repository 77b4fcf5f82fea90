"""The rows of data by short keys of their content, all of them or a sample: what data have in common is found by these.

A key is the first 64 bits of the SHA-256 of a row's content. Of ten million rows beside a hundred million others, one
in 18,000 such comparisons has an equal key of other content.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection

SMALLEST, ONE_IN = 1_000, 32
"""A sample holds so many rows, and one of so many where that is more."""
_BITS = 64
_BOUND = -(2 ** (_BITS - 1)) + 2**_BITS // ONE_IN


def row_key(digest: str) -> int:
    """Of a digest in hexadecimal, as a signed number, which both databases have."""
    return int.from_bytes(bytes.fromhex(digest[: _BITS // 4]), signed=True)


def sampled(keys: Collection[int]) -> list[int]:
    """The smallest keys: chance has drawn them, and equal rows are in the samples of all data alike (bottom-k)."""
    ordered = sorted(keys)
    return ordered[: max(SMALLEST, bisect_left(ordered, _BOUND))]
