"""Where the chunks of xorbs lie now: in ranges of stored objects, remembered as long as the objects are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lineage import Digest


@dataclass(frozen=True, slots=True)
class Place:
    """The chunks of a xorb from `first` on lie in the object `digest` from `offset` on; `sizes` are their bytes."""

    xorb: str
    first: int
    digest: Digest
    offset: int
    sizes: tuple[int, ...]

    @property
    def last(self) -> int:
        """The number after that of the last chunk."""
        return self.first + len(self.sizes)

    def part(self, first: int, last: int) -> tuple[int, tuple[int, ...]]:
        """Where the chunks `first` to before `last` begin in the object, and their sizes."""
        begin, end = first - self.first, last - self.first
        return self.offset + sum(self.sizes[:begin]), self.sizes[begin:end]


def pieces(places: Sequence[Place], first: int, last: int) -> Iterator[Place] | None:
    """The chunks `first` to before `last`, put together from `places`; None where one is missing."""
    found, at = [], first
    while at < last:
        best = max((one for one in places if one.first <= at < one.last), key=lambda one: one.last, default=None)
        if best is None:
            return None
        until = min(best.last, last)
        offset, sizes = best.part(at, until)
        found.append(Place(best.xorb, at, best.digest, offset, sizes))
        at = until
    return iter(found)


def all_covered(gone: Place, left: Iterable[Place]) -> bool:
    """Whether every chunk of the place that is gone is in another one."""
    return pieces([one for one in left if one.xorb == gone.xorb], gone.first, gone.last) is not None
