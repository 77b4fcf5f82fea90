"""The words by which models are found, kept beside them; `wording` finds the models that have some of them.

A model has a document (its name, description, task and tags) and so has each version (its architecture, tags and newest
card). A document is its words, folded, with one space before each: punctuation separates words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, func, insert, select

from registry.domain.names import AssetKind
from registry.storage.catalog import wording
from registry.storage.catalog.tags import value_of
from registry.storage.sql.among import among
from registry.storage.sql.prebuilt import Prebuilt
from registry.storage.sql.upsert import upsert
from registry.storage.sql.within import within
from registry.storage.tables import (
    asset,
    asset_tag,
    card_revision,
    document,
    model_version,
    version,
    version_tag,
)

_WORD = re.compile(r"[^\W_]+")
_PIECE = 1000


def fold(*texts: str) -> str:
    """Text as a search sees it: NFKC, case-folded (Unicode 15 section 3.13), one space between words."""
    return " ".join(unicodedata.normalize("NFKC", " ".join(texts)).casefold().split())


def phrase_of(text: str) -> str:
    """The words of `text`, folded, with one space between them; empty when there is no letter and no digit."""
    return " ".join(_WORD.findall(fold(text)))


def documents_hold(rows: Table[Any], phrases: Sequence[str]) -> ColumnElement[bool]:
    """True of a row of `listing` whose model or version has each of the phrases: these words in this order.

    The last word of a phrase may be a beginning. Both documents are read once, however many phrases there are.
    """
    own, of_model = document.alias(), document.alias()
    either = (within(own.c.words, f" {one}") | within(of_model.c.words, f" {one}") for one in phrases)
    mine = select(own.c.id).where(own.c.id == rows.c.id, of_model.c.id == -rows.c.asset_id, *either)
    return mine.correlate(rows).exists()


def write_model(connection: Connection, key: int) -> None:
    """Bring the document of a model up to date; datasets have none."""
    _write(connection, key, _models(connection, [key]))


def put_model(connection: Connection, key: int, texts: Iterable[str], tags: Mapping[str, str]) -> None:
    """The same for who has read its texts (name, description, task) and all tags in order of their keys."""
    _write(connection, key, {-key: _words((*texts, *(one for tag in tags.items() for one in tag)))})


def put_version(connection: Connection, owner: int, node_id: int, architecture: str) -> None:
    """The document of a new version of the model `owner`, which has neither tags nor a card yet."""
    _write(connection, owner, {node_id: _words([architecture])})


def write_version(connection: Connection, node_id: int) -> None:
    """Bring the document of a model version up to date."""
    ((owner,),) = _OWNER.rows(connection, {"key": node_id})
    _write(connection, owner, _versions(connection, [node_id]))


def forget(connection: Connection, owner: int, keys: Iterable[int]) -> None:
    """Remove documents of the model `owner`: of versions by their keys, its own by minus its key."""
    _FORGET.run(connection, {"keys": list(keys)})
    wording.refresh(connection, owner)


def rebuild(connection: Connection) -> None:
    """Make every document anew."""
    connection.execute(delete(document))
    for documents in _all(connection):
        connection.execute(insert(document), [{"id": key, "words": words} for key, words in documents.items()])
    wording.rebuild(connection)


def count_faults(connection: Connection) -> int:
    """How many documents are not what the models say."""
    faults = known = 0
    for wanted in _all(connection):
        query = select(document.c.id, document.c.words).where(document.c.id.in_(list(wanted)))
        kept = dict(connection.execute(query).all())
        known += len(kept)
        faults += sum(kept.get(key) != words for key, words in wanted.items())
    return faults + connection.execute(select(func.count()).select_from(document)).scalar_one() - known


def _all(connection: Connection) -> Iterator[dict[int, str]]:
    live = version.c.deleted_at.is_(None)
    of_models = select(version.c.node_id).join(model_version, model_version.c.node_id == version.c.node_id)
    for query, column, read in (
        (select(asset.c.id).where(asset.c.kind == AssetKind.MODELS, asset.c.deleted_at.is_(None)), asset.c.id, _models),
        (of_models.where(live), version.c.node_id, _versions),
    ):
        after = 0
        while keys := connection.scalars(query.where(column > after).order_by(column).limit(_PIECE)).all():
            yield read(connection, keys)
            after = keys[-1]


def _models(connection: Connection, keys: Iterable[int]) -> dict[int, str]:
    given = {"keys": list(keys)}
    rows = {
        key: [name, description, task]
        for key, kind, name, description, task, deleted_at in _ASSETS_BY_KEY.rows(connection, given)
        if kind == AssetKind.MODELS and deleted_at is None
    }
    for key, *tag in _ASSET_TAGS.rows(connection, given):
        rows.get(key, []).extend(tag)
    return {-key: _words(texts) for key, texts in rows.items()}


def _versions(connection: Connection, keys: Iterable[int]) -> dict[int, str]:
    given = {"keys": list(keys)}
    rows = {key: [architecture, card or ""] for key, architecture, card in _VERSIONS_BY_KEY.rows(connection, given)}
    for key, *tag in _VERSION_TAGS.rows(connection, given):
        rows.get(key, []).extend(tag)
    return {key: _words(texts) for key, texts in rows.items()}


def _words(texts: Iterable[str]) -> str:
    return "".join(f" {word}" for word in phrase_of(" ".join(texts)).split())


def _write(connection: Connection, owner: int, documents: dict[int, str]) -> None:
    if documents:
        upsert(connection, document, [{"id": key, "words": words} for key, words in documents.items()], ("id",))
        wording.refresh(connection, owner, documents.values())


def _assets_by_key() -> Any:
    """By their keys alone: with a kind beside them, SQLite reads every asset of that kind."""
    wanted = select(asset.c.id, asset.c.kind, asset.c.name, asset.c.description, asset.c.task, asset.c.deleted_at)
    return wanted.where(among(asset.c.id))


def _versions_by_key() -> Any:
    """Each version with its newest card."""
    newest = select(func.max(card_revision.c.number)).where(card_revision.c.node_id == model_version.c.node_id)
    card = (card_revision.c.node_id == model_version.c.node_id) & (
        card_revision.c.number == newest.correlate(model_version).scalar_subquery()
    )
    wanted = select(model_version.c.node_id, model_version.c.architecture, card_revision.c.text)
    mine = among(model_version.c.node_id)
    return wanted.select_from(model_version).outerjoin(card_revision, card).where(mine)


def _tags(table: Any, column: str) -> Any:
    mine = among(table.c[column])
    return select(table.c[column], table.c.key, value_of(table)).where(mine).order_by(table.c[column], table.c.key)


_ASSETS_BY_KEY = Prebuilt(_assets_by_key)
_VERSIONS_BY_KEY = Prebuilt(_versions_by_key)
_ASSET_TAGS = Prebuilt(lambda: _tags(asset_tag, "asset_id"))
_VERSION_TAGS = Prebuilt(lambda: _tags(version_tag, "node_id"))
_OWNER = Prebuilt(lambda: select(version.c.asset_id).where(version.c.node_id == bindparam("key")))
_FORGET = Prebuilt(lambda: delete(document).where(among(document.c.id)))
