"""Where a stream of errors changed: Page and Hinkley's sum, and an adaptive window (ADWIN). Rows are taken in order."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.statistics.two_samples import Floats

DELTA = 0.002
"""The chance of a false alarm that ADWIN allows itself at each look."""
EVERY, LEAST = 32, 5
"""ADWIN looks after each so many rows, and neither part of a cut has fewer than `LEAST`."""
DRAWS = 199
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


def adaptive_window(errors: Floats, *, delta: float = DELTA) -> tuple[int, ...]:
    """The rows at which ADWIN dropped what came before (Bifet and Gavaldà, SDM 2007), on errors from 0 to 1.

    Whenever two parts of the window differ by more than chance allows (equation 3.1 there), the older one is dropped.
    This is the exact form, which keeps the window and tries every cut. False alarms are bounded by `delta` at each
    look; they are far rarer.
    """
    start, found = 0, []
    for end in range(EVERY, len(errors) + 1, EVERY):
        cut = _cut(errors[start:end], delta)
        while cut is not None:
            start += cut
            found.append(start)
            cut = _cut(errors[start:end], delta)
    return tuple(found)


def _cut(window: Floats, delta: float) -> int | None:
    """The cut whose parts differ most beyond the bound; None where none does."""
    size = len(window)
    if size < 2 * LEAST:
        return None
    places: NDArray[np.int64] = np.arange(LEAST, size - LEAST + 1)
    sums = np.cumsum(window)
    before, after = sums[places - 1] / places, (sums[-1] - sums[places - 1]) / (size - places)
    harmonic = 1.0 / (1.0 / places + 1.0 / (size - places))
    logs = math.log(2.0 * math.log(size) / delta)
    bound = np.sqrt(2.0 / harmonic * float(window.var()) * logs) + 2.0 / (3.0 * harmonic) * logs
    beyond = np.abs(before - after) - bound
    best = int(beyond.argmax())
    return int(places[best]) if beyond[best] > 0 else None
