"""The words of all models: those that begin with some letters, and those that are spelt like one that no model has.

The latter are found by trigrams, as PostgreSQL's `pg_trgm` has them: three letters in a row of the word with two spaces
before it and one after it. Words that no model has any more stay until all are made anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select

from registry.storage.sql.among import among_texts
from registry.storage.sql.prebuilt import Prebuilt
from registry.storage.sql.upsert import upsert
from registry.storage.tables import trigram, word

_PLAIN = re.compile(r"[^\W\d_]{3,28}\d{0,3}")
"""Words that are offered: letters, then at most three digits (`resnet152`); neither numbers nor digests."""
_NEAR = 50
"""Words that share most trigrams with one that is not known, and are compared with it letter by letter."""
_NEAR_SEEN = 500
"""As many for who does not see all of them."""
_OFFERED, _ALIKE = 3, 0.7
_AT_ONCE = 1000
LAST = "\U0010ffff"
"""Sorts after every character of a word."""


def learn(connection: Connection, words: Iterable[str]) -> None:
    """Add the words that are not known yet."""
    asked = sorted(set(words))
    plain = [one for one in asked if _PLAIN.fullmatch(one)]
    known = set(_known(connection, plain)) if plain else set[str]()
    _insert(connection, [one for one in plain if one not in known])
    upsert(connection, word, [{"word": one} for one in asked if one not in set(plain)], ["word"])


def rebuild(connection: Connection, words: Iterable[str]) -> None:
    """Know exactly these words."""
    for table in (trigram, word):
        connection.execute(delete(table))
    _insert(connection, sorted(words))


def beginning_with(connection: Connection, letters: str, most: int) -> Sequence[str] | None:
    """The known words that begin with `letters`; None when they are more than `most`."""
    found = _BEGINNING.rows(connection, {"first": letters, "last": letters + LAST, "most": most + 1})
    return None if len(found) > most else [one for (one,) in found]


def meant(connection: Connection, asked: str, seen: Callable[[str], bool] | None = None) -> Sequence[str]:
    """The known words that `asked` may mean, the nearest first: itself where it begins one; none where none is near.

    For who does not see every word, `seen` says of one whether they do: no other changes what they are told.

    Words with the same letters but for two that are swapped are looked at beside those that share most trigrams. Of all
    these the ones are near that are alike by `difflib`'s measure (Ratcliff and Obershelp's).
    """
    if beginning_with(connection, asked, 1) != [] and (seen is None or seen(asked)):
        return [asked]
    if not _PLAIN.fullmatch(asked):
        return []
    swapped = [asked[:at] + asked[at + 1] + asked[at] + asked[at + 2 :] for at in range(len(asked) - 1)]
    lengths = {"shortest": len(asked) - 2, "longest": len(asked) + 2, "most": _NEAR if seen is None else _NEAR_SEEN}
    found = _NEAREST.rows(connection, {"trigrams": sorted(trigrams(asked)), **lengths})
    among = sorted({*(one for (one,) in found), *_known(connection, swapped)})
    near = get_close_matches(asked, among, n=_OFFERED if seen is None else max(1, len(among)), cutoff=_ALIKE)
    return near if seen is None else list(islice(filter(seen, near), _OFFERED))


def trigrams(one: str) -> frozenset[str]:
    """Each three letters in a row of the word with the spaces around it: five for `bert`."""
    padded = f"  {one} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


def _insert(connection: Connection, words: Sequence[str]) -> None:
    for at in range(0, len(words), _AT_ONCE):
        some = words[at : at + _AT_ONCE]
        connection.execute(insert(word), [{"word": one} for one in some])
        parts = ((one, part) for one in some if _PLAIN.fullmatch(one) for part in trigrams(one))
        if rows := [{"trigram": part, "length": len(one), "word": one} for one, part in parts]:
            connection.execute(insert(trigram), rows)


def _known(connection: Connection, words: Sequence[str]) -> Sequence[str]:
    """Those of the words that some model has."""
    return [one for (one,) in _KNOWN.rows(connection, {"words": words})]


def _beginning() -> Select[Any]:
    mine = word.c.word.between(bindparam("first"), bindparam("last"))
    return select(word.c.word).where(mine).order_by(word.c.word).limit(bindparam("most"))


def _near() -> Select[Any]:
    return (
        select(trigram.c.word)
        .where(
            among_texts(trigram.c.trigram, "trigrams"),
            trigram.c.length.between(bindparam("shortest"), bindparam("longest")),
        )
        .group_by(trigram.c.word)
        .order_by(func.count().desc(), trigram.c.word)
        .limit(bindparam("most"))
    )


_KNOWN = Prebuilt(lambda: select(word.c.word).where(among_texts(word.c.word, "words")))
_BEGINNING = Prebuilt(_beginning)
_NEAREST = Prebuilt(_near)
