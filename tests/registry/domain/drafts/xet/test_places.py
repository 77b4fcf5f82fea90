"""Chunks are found in whatever places together have them all."""

from __future__ import annotations

from lineage import Digest
from registry.domain.drafts.xet.places import Place, all_covered, pieces

ONE, TWO = Digest.of(b"1"), Digest.of(b"2")
WHOLE = Place("x", 0, ONE, 100, (1, 2, 3, 4, 5))
TAIL = Place("x", 3, TWO, 0, (4, 5, 6))


def test_chunks_are_put_together_from_places() -> None:
    assert list(pieces([WHOLE], 1, 3) or ()) == [Place("x", 1, ONE, 101, (2, 3))]
    assert list(pieces([WHOLE, TAIL], 2, 6) or ()) == [Place("x", 2, ONE, 103, (3, 4, 5)), Place("x", 5, TWO, 9, (6,))]
    assert pieces([WHOLE], 4, 6) is None
    assert pieces([], 0, 1) is None


def test_a_place_that_goes_is_missed_only_where_no_other_has_its_chunks() -> None:
    assert all_covered(Place("x", 3, ONE, 0, (4, 5)), [TAIL])
    assert not all_covered(WHOLE, [TAIL])
    assert not all_covered(TAIL, [Place("y", 0, ONE, 0, (1,) * 9)])
