"""Decimal numbers as text, parsed many at once: those of one shape (`-0.dddddd`, `0.dddd`, …) by one product of numpy.

A number of at most 15 digits is a whole number below 2^53 over a power of ten up to 10^22: both are exact in float64,
so their quotient is the nearest float64, the very number that C's strtod gives (Clinger, "How to Read Floating Point
Numbers Accurately", 1990). Numbers of any other form go through Python's own `float`.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

BLANK, MINUS, DOT, ZERO = b" -.0"
DIGITS = 15


def parse_decimals(text: bytes) -> NDArray[np.float32]:
    """The numbers of `text`, separated by single blanks. Raises: ValueError for anything else."""
    chars = np.frombuffer(text + b" ", dtype=np.uint8)
    ends = np.flatnonzero(chars == BLANK)
    starts = np.concatenate(([0], ends[:-1] + 1))
    dots = np.flatnonzero(chars == DOT)
    last = np.searchsorted(dots, ends)  # of each number: how many dots there are until its end
    one = np.diff(last, prepend=0) == 1
    places = np.where(one, ends - dots[np.where(one, last - 1, 0)] - 1, 0) if len(dots) else np.zeros_like(ends)
    widths, negative = ends - starts, chars[starts] == MINUS
    plain = one & (widths - negative - 1 <= DIGITS)
    shapes = np.where(plain, (widths * (DIGITS + 1) + places) * 2 + negative, 0)
    numbers = np.empty(len(ends), dtype=np.float32)
    order = np.argsort(shapes.astype(np.uint16), kind="stable")  # a radix sort: one pass
    counts = np.bincount(shapes)
    strange, at = [order[: counts[0]]], int(counts[0])
    for shape in np.flatnonzero(counts[1:]) + 1:
        which, at = order[at : at + counts[shape]], at + counts[shape]
        strange.append(_parse_alike(chars, starts[which], which, int(shape), numbers))
    with np.errstate(over="ignore"):  # too large a number becomes infinite, and the caller refuses it
        for number in np.concatenate(strange):
            numbers[number] = parse_decimal(text[starts[number] : ends[number]])
    return numbers


def _parse_alike(
    chars: NDArray[np.uint8], starts: NDArray[np.int64], which: NDArray[np.int64], shape: int, out: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Parse the numbers `which`, all of one `shape`, into `out`; returns those that are not only digits."""
    (width, places), negative = divmod(shape // 2, DIGITS + 1), shape % 2
    window = sliding_window_view(chars, width)[starts]
    digits = np.delete(window[:, negative:], width - negative - places - 1, axis=1) - np.uint8(ZERO)
    whole = digits @ 10.0 ** np.arange(digits.shape[1] - 1, -1, -1)
    out[which] = (-whole if negative else whole) / 10.0**places
    return which[(digits > 9).any(axis=1)] if digits.max() > 9 else which[:0]


def parse_decimal(number: bytes) -> float:
    """One number. Raises: ValueError for anything else."""
    if b"_" in number:
        raise ValueError("Python reads 1_000, and no other program does")
    return float(number)
