"""Where a stream of errors changed: Page and Hinkley's sum, and an adaptive window (ADWIN). Rows are taken in order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.statistics.two_samples import Floats

LEVEL = 0.05
"""The chance that ADWIN drops anything of a stream that does not change."""
EVERY, LEAST = 32, 5
"""ADWIN looks after each so many rows, and neither part of a cut has fewer than `LEAST`."""
_LOOKS, _BLOCKS = 64, 512
"""Of a long stream, how often ADWIN looks at most, and into how many blocks of rows it is divided."""
DRAWS = 199
_CLOSE = 1e-9
_TOLERANCE = 0.005
"""How much the mean error may grow before Page and Hinkley's sum does."""


def page_hinkley(errors: Floats, *, seed: int = 0, draws: int = DRAWS) -> tuple[float, float, int]:
    """Page and Hinkley's largest rise (Page 1954), its p-value, and the row from which the errors rose.

    The sum adds, row by row, how much the error exceeds the mean so far and a small tolerance; the rise is how far it
    is above its least value. Its size depends on the errors, so p is by permutation of the rows: no threshold is
    chosen by hand. For errors in the order of time.
    """
    generator = np.random.default_rng(seed)
    every = np.stack([errors, *(generator.permutation(errors) for _ in range(draws))])
    means = np.cumsum(every, axis=1) / np.arange(1, len(errors) + 1)
    sums = np.cumsum(every - means - _TOLERANCE, axis=1)
    rises = sums - np.minimum.accumulate(np.minimum(sums, 0.0), axis=1)
    largest = rises.max(axis=1)
    end = int(rises[0].argmax())
    began = np.concatenate([[0.0], sums[0, : end + 1]])
    extreme = int((largest[1:] >= largest[0] - 1e-12).sum())
    return float(largest[0]), (1 + extreme) / (1 + draws), min(int(began.argmin()), len(errors) - 1)


def adaptive_window(errors: Floats, *, seed: int = 0, draws: int = DRAWS) -> tuple[float, tuple[int, ...]]:
    """The p-value of ADWIN, and the rows at which it dropped what came before (Bifet and Gavaldà, SDM 2007).

    Whenever two parts of the window differ by more than the bound of equation 3.1 there, the older one is dropped.
    That bound holds at every look and cut for every distribution, so that with its delta as the level false alarms
    are next to none, and real changes are missed. So delta is the one with which 5 % of the streams with these very
    errors in random order raise any alarm: a permutation test of the largest surprise over all looks and cuts, exact
    where errors without a change may come in any order. Errors are from 0 to 1, in the order of time.
    """
    size = len(errors)
    if size < EVERY:
        return 1.0, ()
    generator = np.random.default_rng(seed)
    stream = _Blocks.of(np.stack([errors, *(generator.permutation(errors) for _ in range(draws))]))
    largest = np.max([stream.surprise(0, end).max(axis=1) for end in stream.looks], axis=0)
    p = (1 + int((largest[1:] >= largest[0] - _CLOSE).sum())) / (1 + draws)
    if p > LEVEL:
        return p, ()
    limit = np.sort(largest[1:])[-int(LEVEL * (1 + draws))] + _CLOSE
    start, found = 0, []
    for end in stream.looks:
        while (beyond := stream.surprise(start, end)[0]).size and beyond.max() > limit:
            start += stream.fewest + int(beyond.argmax())
            found.append(start * stream.rows)
    return p, tuple(found)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Streams (one a line) as sums and sums of squares up to the end of each block of `rows` rows, with 0 before."""

    rows: int
    ends: NDArray[np.int64]
    """The row after each block, with 0 before."""
    sums: Floats
    squares: Floats

    @classmethod
    def of(cls, streams: Floats) -> _Blocks:
        size = streams.shape[1]
        rows = -(-size // _BLOCKS)
        ends = np.append(np.arange(0, size, rows), size)
        whole = [np.pad(np.cumsum(part, axis=1), ((0, 0), (1, 0)))[:, ends] for part in (streams, streams**2)]
        return cls(rows, ends, whole[0], whole[1])

    @property
    def fewest(self) -> int:
        """Blocks that a part has at least."""
        return -(-LEAST // self.rows)

    @property
    def looks(self) -> Sequence[int]:
        """The blocks after which ADWIN looks, the last of them included."""
        last = len(self.ends) - 1
        every = -(-max(EVERY, -(-int(self.ends[-1]) // _LOOKS)) // self.rows)
        return [*range(every, last, every), last]

    def surprise(self, start: int, end: int) -> Floats:
        """For each stream and each cut of the blocks from `start` to `end`, ln(2/delta) of the largest delta that
        makes no cut there: equation 3.1 solved for it.
        """
        places = np.arange(start + self.fewest, end - self.fewest + 1)
        first, cut, last = self.ends[start], self.ends[places], self.ends[end]
        size = float(last - first)
        low, middle, high = (self.sums[:, [start]], self.sums[:, places], self.sums[:, [end]])
        gap = np.abs((middle - low) / (cut - first) - (high - middle) / np.maximum(last - cut, 1))
        mean = (high - low) / size
        variance = np.maximum((self.squares[:, [end]] - self.squares[:, [start]]) / size - mean**2, 0.0)
        harmonic = 1.0 / (1.0 / (cut - first) + 1.0 / np.maximum(last - cut, 1))
        part = np.sqrt(2.0 * variance / harmonic)
        root = (np.sqrt(part**2 + 8.0 * gap / (3.0 * harmonic)) - part) * 0.75 * harmonic
        found: Floats = root**2 - math.log(math.log(max(size, 3.0)))
        return found
