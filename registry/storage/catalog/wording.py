"""Which words are anywhere in a model: what the database's own full-text index is over.

A model has one row with each word of its document and of its versions' documents, once. So one look into the index
gives the models that can match a whole search, however its words are spread over a model and its versions; which of
them do match, and by which version, their documents say. A row may hold words that are gone; it never lacks one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
    union_all,
)
from sqlalchemy import text as sql

from registry.domain.names import AssetKind
from registry.storage.catalog import spelling
from registry.storage.sql.prebuilt import Prebuilt
from registry.storage.sql.types import Key
from registry.storage.sql.upsert import upsert
from registry.storage.tables import asset, document, listing, wording
from registry.storage.tables.listing import FULL_TEXT

EVERY = "∀"
"""Stands for all words, in the row of a model with too many of them: every search has that model looked at."""
MOST_WORDS = 20_000
MOST_DOCUMENTS = 100
"""Documents of one model that are read to find out which words are gone."""
_CUT = 64
"""Characters of a word by which it is found."""
_PIECE = 500
_MOST_ENDINGS = 40


def models_with(connection: Connection, phrases: Sequence[str], most: int) -> Sequence[int]:
    """The keys of `most` models that have each word of `phrases`; the last one of each phrase may be a beginning.

    All rows of a beginning are read before the first is given, those of whole words as they are asked for. So a
    beginning is looked up as the words that have it, unless these are many.
    """
    postgres = connection.dialect.name == "postgresql"
    asked: list[str] = []
    for phrase in phrases:
        *whole, beginning = (word[:_CUT] for word in phrase.split())
        asked += [f"'{word}'" if postgres else f'"{word}"' for word in whole]
        words = spelling.beginning_with(connection, beginning, _MOST_ENDINGS)
        if words is None:
            asked.append(f"'{beginning}':*" if postgres else f'"{beginning}" *')
        else:
            either = (f"'{word}'" if postgres else f'"{word}"' for word in words or [beginning])
            asked.append(f"({(' | ' if postgres else ' OR ').join(either)})")
    if postgres:
        words, matching = f"({' & '.join(asked)}) | '{EVERY}'", _MATCHING_ON_POSTGRES
    else:
        words, matching = f'({" AND ".join(asked)}) OR "{EVERY}"', _MATCHING
    return [key for (key,) in matching.rows(connection, {"words": words, "most": most})]


_MATCHING = Prebuilt(
    lambda: (
        select(literal_column("rowid", Key))
        .select_from(table(FULL_TEXT))
        .where(sql(f"{FULL_TEXT} MATCH :words"))
        .limit(bindparam("most"))
    )
)
_MATCHING_ON_POSTGRES = Prebuilt(
    lambda: (
        select(wording.c.asset_id)
        .where(sql("array_to_tsvector(string_to_array(words, ' ')) @@ CAST(:words AS tsquery)"))
        .limit(bindparam("most"))
    )
)


def refresh(connection: Connection, owner: int, changed: Iterable[str] = ()) -> None:
    """Bring the words of the model `owner` up to date after some documents were written (`changed`), or removed."""
    row = _KEPT.rows(connection, {"key": owner})
    kept: str | None = row[0][0] if row else None
    before, new = set((kept or "").split()), _words(changed)
    if new and (EVERY in before or new <= before):
        return
    found = connection.scalars(_documents(), {"key": owner, "own": -owner, "most": MOST_DOCUMENTS + 1}).all()
    if not found:
        connection.execute(_drop(), {"key": owner})
        return
    if EVERY in before:
        return
    # Of many documents only those that changed are read: words that are gone stay until all rows are made anew.
    words = before | new if kept is not None and len(found) > MOST_DOCUMENTS else _words(found)
    if words != before:
        upsert(connection, wording, [{"asset_id": owner, "words": _row(words)}], ["asset_id"])
        spelling.learn(connection, words - before)


def rebuild(connection: Connection) -> None:
    """Make every row anew from the documents."""
    connection.execute(delete(wording))
    known: set[str] = set()
    for part in _all(connection):
        connection.execute(insert(wording), [{"asset_id": key, "words": _row(words)} for key, words in part.items()])
        known.update(*part.values())
    spelling.rebuild(connection, known)


def count_faults(connection: Connection) -> int:
    """How many rows lack a word that a document has, or are of no model."""
    faults = known = 0
    for part in _all(connection):
        rows = select(wording.c.asset_id, wording.c.words).where(wording.c.asset_id.in_(list(part)))
        kept = {key: set(words.split()) for key, words in connection.execute(rows)}
        known += len(kept)
        faults += sum(
            not (EVERY in kept[key] or words <= kept[key]) if key in kept else 1 for key, words in part.items()
        )
    return faults + connection.execute(select(func.count()).select_from(wording)).scalar_one() - known


def _row(words: set[str]) -> str:
    return EVERY if len(words) > MOST_WORDS else " ".join(sorted(words))


def _words(texts: Iterable[str]) -> set[str]:
    return {word[:_CUT] for text in texts for word in text.split()}


def _all(connection: Connection) -> Iterator[dict[int, set[str]]]:
    """The words of every model that has a document, some hundreds of models at a time."""
    live = select(asset.c.id).where(asset.c.kind == AssetKind.MODELS, asset.c.deleted_at.is_(None))
    after = 0
    while keys := connection.scalars(live.where(asset.c.id > after).order_by(asset.c.id).limit(_PIECE)).all():
        found: dict[int, set[str]] = {}
        for key, words in connection.execute(_documents_between(), {"first": keys[0], "last": keys[-1]}):
            found.setdefault(key, set()).update(_words([words]))
        if found:
            yield found
        after = keys[-1]


@cache
def _documents_between() -> Any:
    """The documents of models with keys in a range, beside these keys."""
    of_models = select(-document.c.id, document.c.words).where(
        document.c.id.between(-bindparam("last", type_=Key), -bindparam("first", type_=Key))
    )
    of_versions = (
        select(listing.c.asset_id, document.c.words)
        .join(document, document.c.id == listing.c.id)
        .where(listing.c.asset_id.between(bindparam("first"), bindparam("last")), listing.c.id > 0)
    )
    return union_all(of_models, of_versions)


@cache
def _documents() -> Any:
    """The first documents of a model."""
    of_versions = select(document.c.words).join(listing, listing.c.id == document.c.id)
    mine = of_versions.where(listing.c.asset_id == bindparam("key"))
    own = select(document.c.words).where(document.c.id == bindparam("own"))
    return union_all(own, mine).limit(bindparam("most"))


_KEPT = Prebuilt(lambda: select(wording.c.words).where(wording.c.asset_id == bindparam("key")))


@cache
def _drop() -> Any:
    return delete(wording).where(wording.c.asset_id == bindparam("key"))
