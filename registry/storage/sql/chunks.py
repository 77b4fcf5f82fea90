"""Many values in statements of bounded length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
CHUNK = 500
"""Values in one IN, and rows that are fetched at once."""


def chunks(values: Iterable[T]) -> Iterator[Sequence[T]]:
    """The values, `CHUNK` at a time."""
    rest = iter(values)
    while some := list(islice(rest, CHUNK)):
        yield some
