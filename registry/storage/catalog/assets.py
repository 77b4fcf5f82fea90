"""What registered models and datasets have in common: names, tombstones, describing words and tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, func, insert, select, update

from registry.domain.catalog.models import Describing, Modality
from registry.domain.names import AssetKind, Name, VersionRef
from registry.errors import NameTakenError, NotFoundError
from registry.storage.catalog import documents
from registry.storage.catalog.listings import listed, relist
from registry.storage.catalog.tags import columns_of, value_of
from registry.storage.sql.among import among
from registry.storage.sql.prebuilt import Prebuilt
from registry.storage.sql.upsert import upsert
from registry.storage.tables import asset, asset_tag, listing, node, version


def find_asset(connection: Connection, kind: AssetKind, name: Name) -> Row[Any] | None:
    """The row of a live model or dataset."""
    given = {"kind": kind, "name": str(name), "folded": name.folded}
    return connection.execute(_find_asset(), given).one_or_none()


@cache
def _find_asset() -> Any:
    return select(asset).where(is_named(), asset.c.deleted_at.is_(None))


def is_named() -> ColumnElement[bool]:
    """True for the model or dataset with the bound `kind`, `name` and `folded`: the index is over folded names."""
    return and_(
        asset.c.kind == bindparam("kind"),
        asset.c.folded == bindparam("folded"),
        asset.c.name == bindparam("name"),
    )


def asset_key(connection: Connection, kind: AssetKind, name: Name) -> int | None:
    """The key of a live model or dataset."""
    found = _ASSET_KEY.rows(connection, {"kind": kind, "name": str(name), "folded": name.folded})
    return found[0][0] if found else None


def asset_id(connection: Connection, kind: AssetKind, name: Name) -> int:
    """The key of a live model or dataset. Raises: NotFoundError."""
    found = asset_key(connection, kind, name)
    if found is None:
        raise _missing(kind, name)
    return found


_ASSET_KEY = Prebuilt(lambda: select(asset.c.id).where(is_named(), asset.c.deleted_at.is_(None)))


def _missing(kind: AssetKind, name: Name) -> NotFoundError:
    return NotFoundError(f"There is nothing named {kind}:/{name}")


def is_taken(connection: Connection, kind: AssetKind, name: Name) -> bool:
    """True when the folded name is in use or ever was."""
    query = select(asset.c.id).where(asset.c.kind == kind, asset.c.folded == name.folded)
    return connection.execute(query).first() is not None


def add_asset(
    connection: Connection, kind: AssetKind, name: Name, describing: Describing, *, owner: str, at: datetime
) -> None:
    """Write the row and its tags. Raises: NameTakenError."""
    if is_taken(connection, kind, name):
        raise NameTakenError(
            f"The name {name} is taken", remedy="Choose another: deleted names are never used again, and - counts as _"
        )
    row = {"kind": kind, "name": str(name), "folded": name.folded, "owner": owner, "created_at": at, "words": ""}
    key = connection.execute(insert(asset).values(row | _columns(describing, at)).returning(asset.c.id)).scalar_one()
    _replace_tags(connection, key, describing.tags)
    _reword(connection, key)
    with listed(connection, key):
        relist(connection, key)


def describe_asset(
    connection: Connection, kind: AssetKind, name: Name, describing: Describing, *, at: datetime
) -> None:
    """Replace its description. Raises: NotFoundError."""
    key = asset_id(connection, kind, name)
    with listed(connection, key):
        connection.execute(update(asset).where(asset.c.id == key).values(**_columns(describing, at)))
        _replace_tags(connection, key, describing.tags)
        _reword(connection, key)
        relist(connection, key)


def rename_asset(connection: Connection, kind: AssetKind, name: Name, new: Name) -> None:
    """Give it another name. Raises: NotFoundError."""
    key = asset_id(connection, kind, name)
    connection.execute(update(asset).where(asset.c.id == key).values(name=str(new), folded=new.folded))


def remove_asset(connection: Connection, key: int) -> None:
    """Remove the row of what never had a version, and all that was said of it."""
    with listed(connection, key):
        connection.execute(delete(asset_tag).where(asset_tag.c.asset_id == key))
        connection.execute(delete(listing).where(listing.c.asset_id == key))
        documents.forget(connection, key, [-key])
        connection.execute(delete(asset).where(asset.c.id == key))


def next_number(connection: Connection, kind: AssetKind, name: Name) -> int:
    """One more than the highest number ever used. The single writer makes this safe: see `unit_of_work`."""
    ((highest,),) = _HIGHEST.rows(connection, {"kind": kind, "folded": name.folded})
    return (highest or 0) + 1


_HIGHEST = Prebuilt(
    lambda: (
        select(func.max(version.c.number))
        .join(asset, asset.c.id == version.c.asset_id)
        .where(asset.c.kind == bindparam("kind"), asset.c.folded == bindparam("folded"))
    )
)


def touch(connection: Connection, key: int, at: datetime) -> None:
    """Set the time of the last change of the model or dataset."""
    _TOUCH.run(connection, {"key": key, "updated_at": at})


_MINE = update(asset).where(asset.c.id == bindparam("key"))
_TOUCH = Prebuilt(lambda: _MINE, ("updated_at",))
_REWORD = Prebuilt(lambda: _MINE, ("words",))
_CHANGE = Prebuilt(lambda: _MINE, ("words", "updated_at"))


def set_asset_tags(
    connection: Connection, kind: AssetKind, name: Name, values: Mapping[str, str | None], *, at: datetime
) -> dict[str, str] | None:
    """Set some tags, drop those whose value is None; give all that it has now, None for nothing of that name."""
    row = find_asset(connection, kind, name)
    if row is None:
        return None
    before = tags_of_assets(connection, [row.id])[row.id]
    given = {tag: value for tag, value in values.items() if value is not None}
    after = dict(sorted({**{tag: value for tag, value in before.items() if tag not in values}, **given}.items()))
    same = before.keys() == after.keys()  # what is counted of a tag is its key
    with nullcontext() if same else listed(connection, row.id):
        _DROP_TAG.run_all(connection, [{"of": row.id, "named": tag} for tag in before if tag not in after])
        rows = [{"asset_id": row.id, "key": tag, **columns_of(value)} for tag, value in given.items()]
        upsert(connection, asset_tag, rows, ("asset_id", "key"))
    words = _folded(row.name, row.description, after)
    _CHANGE.run(connection, {"key": row.id, "words": words, "updated_at": at})
    if kind is AssetKind.MODELS:
        documents.put_model(connection, row.id, (row.name, row.description, row.task), after)
    return after


_DROP_TAG = Prebuilt(
    lambda: delete(asset_tag).where(asset_tag.c.asset_id == bindparam("of"), asset_tag.c.key == bindparam("named"))
)


def tags_of_assets(connection: Connection, keys: Iterable[int]) -> dict[int, dict[str, str]]:
    """The tags of each, by key."""
    tags: dict[int, dict[str, str]] = {key: {} for key in keys}
    for key, tag, value in _TAGS_OF_ASSETS.rows(connection, {"keys": list(tags)}):
        tags[key][tag] = value
    return tags


_TAGS_OF_ASSETS = Prebuilt(
    lambda: (
        select(asset_tag.c.asset_id, asset_tag.c.key, value_of(asset_tag))
        .where(among(asset_tag.c.asset_id))
        .order_by(asset_tag.c.key)
    )
)


def live_counts(connection: Connection, keys: Sequence[int]) -> dict[int, int]:
    """How many live versions each has."""
    counts = dict.fromkeys(keys, 0)
    return counts | dict(_LIVE_COUNTS.rows(connection, {"keys": keys}))


_LIVE_COUNTS = Prebuilt(
    lambda: (
        select(version.c.asset_id, func.count())
        .where(among(version.c.asset_id), version.c.deleted_at.is_(None))
        .group_by(version.c.asset_id)
    )
)


def describing_of(row: Row[Any], tags: Mapping[str, str]) -> Describing:
    """The description of the model or dataset in `row`."""
    return Describing(row.task, Modality(row.modality), row.licence, row.origin, row.description, tags)


def name_of(row: Row[Any]) -> Name:
    """The name in `row`."""
    return Name.parse(row.name)


def find_version(connection: Connection, ref: VersionRef, *, deleted: bool = False) -> Row[Any] | None:
    """The row of a live version (or also of a deleted one)."""
    row = connection.execute(_find_version(), {"label": str(ref)}).one_or_none()
    return None if row is None or (row.deleted_at is not None and not deleted) else row


@cache
def _find_version() -> Any:
    return select(version).join(node, node.c.id == version.c.node_id).where(node.c.label == bindparam("label"))


def require_version(connection: Connection, ref: VersionRef) -> Row[Any]:
    """The row of a live version. Raises: NotFoundError."""
    found = find_version(connection, ref)
    if found is None:
        raise NotFoundError(f"{ref} does not exist")
    return found


def _columns(describing: Describing, at: datetime) -> dict[str, Any]:
    return {
        "task": describing.task,
        "modality": describing.modality,
        "licence": describing.licence,
        "origin": describing.origin,
        "description": describing.description,
        "updated_at": at,
    }


def _replace_tags(connection: Connection, key: int, tags: Mapping[str, str]) -> None:
    connection.execute(delete(asset_tag).where(asset_tag.c.asset_id == key))
    if tags:
        rows = [{"asset_id": key, "key": tag, **columns_of(value)} for tag, value in tags.items()]
        connection.execute(insert(asset_tag), rows)


def _reword(connection: Connection, key: int) -> None:
    """Bring the folded words that a search looks through up to date."""
    row = connection.execute(_described(), {"key": key}).one()
    tags = tags_of_assets(connection, [key])[key]
    _REWORD.run(connection, {"key": key, "words": _folded(row.name, row.description, tags)})
    documents.write_model(connection, key)


def _folded(name: str, description: str, tags: Mapping[str, str]) -> str:
    return documents.fold(name, description, *(f"{tag} {value}" for tag, value in tags.items()))


@cache
def _described() -> Any:
    return select(asset.c.name, asset.c.description).where(asset.c.id == bindparam("key"))
