"""Rows that are nearly copies of one another: texts that share most of their words, pictures that look the same.

A text is sketched by one-permutation hashing (Li, Owen and Zhang 2012) of its runs of five characters, case and
white space left out: the share of equal places of two sketches estimates the Jaccard similarity of the runs. Texts are
compared only where some band of four places is equal (locality-sensitive hashing: Broder 1997, Indyk and Motwani
1998), so that the cost grows with the rows and not with their square.

A picture is sketched by its greys at 16 x 16, less their mean, at length one: the product of two sketches is the
correlation of the pictures. A picture of one colour has no sketch (zeros) and is like no other.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

SIDE = 16
"""Width and height of the greys of a picture's sketch."""
ALIKE_TEXTS, ALIKE_PICTURES = 0.7, 0.985
"""The similarity from which texts and pictures are near-copies."""
_PLACES, _BAND, _RUN = 64, 4, 5
_EMPTY = np.uint64(2**64 - 1)
_FACTOR, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFF51AFD7ED558CCD)
_CHUNK = 1_000
Texts = NDArray[np.uint64]
Pictures = NDArray[np.float32]


def text_sketches(texts: Iterable[str]) -> Texts:
    """A sketch (64 places) of each text."""
    found = [_sketch(text) for text in texts]
    return np.stack(found) if found else np.zeros((0, _PLACES), np.uint64)


def _sketch(text: str) -> Texts:
    plain = " ".join(text.casefold().split()).encode("utf-32-le", "surrogatepass")
    letters = np.frombuffer(plain, dtype="<u4").astype(np.uint64)
    runs = max(len(letters) - _RUN + 1, 1)
    found = np.zeros(runs, np.uint64)
    for place in range(min(_RUN, len(letters))):  # a polynomial of the letters of each run, modulo 2^64
        found = found * _FACTOR + letters[place : place + runs] + np.uint64(1)
    found ^= found >> np.uint64(33)
    found *= _MIX
    found ^= found >> np.uint64(33)
    sketch = np.full(_PLACES, _EMPTY)
    np.minimum.at(sketch, (found % np.uint64(_PLACES)).astype(np.int64), found // np.uint64(_PLACES))
    return sketch


def picture_sketch(greys: NDArray[np.uint8]) -> Pictures:
    """A sketch of the greys (16 x 16) of a picture."""
    away = greys.astype(np.float32).ravel() - np.float32(greys.mean())
    length = float(np.linalg.norm(away))
    return np.asarray(away / length if length > len(away) ** 0.5 else np.zeros_like(away), dtype=np.float32)


def near_texts(rows: Texts, among: Texts | None = None) -> NDArray[np.int64]:
    """For each of `rows` the place of a near-copy in `among`, or -1; without `among`, of another one of `rows`."""
    every = rows if among is None else np.concatenate([among, rows])
    first = 0 if among is None else len(among)
    near = np.full(len(rows), -1, np.int64)
    for start in range(0, _PLACES, _BAND):
        one, two = _neighbours(every[:, start : start + _BAND], first)
        alike = _similar(every[one], every[two])
        one, two = one[alike], two[alike]
        near[two - first] = one  # every pair is of a later row with one before it
        if among is None:
            near[one] = two
    return near


def _neighbours(band: Texts, first: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs with equal bands, of which the second is at `first` or later.

    With `first` 0 each row is paired with the one before it in its bucket, else with the last in front of `first`.
    """
    order = np.lexsort((np.arange(len(band)), *band.T))
    new = np.ones(len(order), bool)
    new[1:] = (band[order[1:]] != band[order[:-1]]).any(axis=1)
    new |= (band[order] == _EMPTY).all(axis=1)
    starts = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))  # where the bucket of each begins
    before = np.arange(len(order)) - 1
    if first:
        before = np.maximum.accumulate(np.where(order < first, np.arange(len(order)), -1))
    paired = (before >= starts) & (order >= first)
    return order[before[paired]], order[paired]


def _similar(one: Texts, two: Texts) -> NDArray[np.bool_]:
    filled = (one != _EMPTY) | (two != _EMPTY)
    equal = ((one == two) & filled).sum(axis=1)
    return np.asarray(equal >= ALIKE_TEXTS * np.maximum(filled.sum(axis=1), 1))


def near_pictures(rows: Pictures, among: Pictures | None = None) -> NDArray[np.int64]:
    """As `near_texts`, of pictures; the cost is rows x among x 256 multiplications."""
    others = rows if among is None else among
    near = np.full(len(rows), -1, np.int64)
    for start in range(0, len(rows) if len(others) else 0, _CHUNK):
        product = rows[start : start + _CHUNK] @ others.T
        if among is None:
            product[np.arange(len(product)), start + np.arange(len(product))] = -1
        best = product.argmax(axis=1)
        alike = product[np.arange(len(product)), best] >= ALIKE_PICTURES
        near[start : start + _CHUNK] = np.where(alike, best, -1)
    return near
