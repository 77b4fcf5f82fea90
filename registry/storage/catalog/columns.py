"""The fields of many versions of models as arrays, in which millions are filtered and counted within milliseconds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, select

from registry.storage.catalog.listing_sql import FIELDS
from registry.storage.sql.among import among
from registry.storage.tables import asset_tag, listing, version_tag

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

_PIECE = 4096


class Values:
    """Numbers from 1 for the values of each field, and for the keys of tags (the field `tag`); 0 stands for none."""

    def __init__(self, known: Iterable[tuple[int, str, str]] = ()) -> None:
        self._numbers: dict[str, dict[str | None, int]] = {field: {None: 0} for field in (*FIELDS, "tag")}
        self._values: dict[int, str] = {}
        self._next = 1
        self._new: list[tuple[int, str, str]] = []
        for number, field, value in known:
            self._numbers[field][value] = number
            self._values[number] = value
            self._next = max(self._next, number + 1)

    def take_new(self) -> Sequence[tuple[int, str, str]]:
        """Number, field and value of those that `numbers` met first, since this was asked last."""
        new, self._new = self._new, []
        return new

    def numbers(self, field: str, values: Sequence[str | None]) -> Int32s:
        """The number of each of the values; new ones get the next."""
        known = self._numbers[field]
        for value in dict.fromkeys(values):
            if value is not None and value not in known:
                known[value] = self._next
                self._values[self._next] = value
                self._new.append((self._next, field, value))
                self._next += 1
        return np.fromiter(map(known.__getitem__, values), np.int32, len(values))

    def number(self, field: str, value: str) -> int:
        """The number of one value; -1, which no row has, for one that is not known."""
        return self._numbers[field].get(value, -1)

    def value(self, number: int) -> str:
        """What a number stands for."""
        return self._values[number]


@dataclass(frozen=True, slots=False)
class Columns:
    """Rows of `listing`, those of one model next to each other, with the keys of tags that they have.

    `fields` is (fields, rows): a number of `Values` for each field of each row. The tags are pairs (row, number of a
    key): in `own_tags` the row is the first of its model, in `version_tags` that of the version.
    """

    ids: Int64s
    models: Int64s
    fields: Int32s
    own_tags: Int32s
    version_tags: Int32s

    @cached_property
    def starts(self) -> Flags:
        """True of the first row of each model."""
        return np.concatenate([np.ones(min(1, len(self.models)), bool), self.models[1:] != self.models[:-1]])

    @cached_property
    def runs(self) -> Int64s:
        """For each row which model it is of, counted from 0 in the order of the rows."""
        return np.cumsum(self.starts) - 1

    def without(self, models: Collection[int]) -> Columns:
        """The rows of other models."""
        keep = np.isin(self.models, np.fromiter(models, np.int64, len(models)), invert=True)
        place = (np.cumsum(keep) - 1).astype(np.int32)

        def kept(tags: Int32s) -> Int32s:
            mine = tags[keep[tags[:, 0]]]
            return np.stack([place[mine[:, 0]], mine[:, 1]], axis=1)

        tags = kept(self.own_tags), kept(self.version_tags)
        return Columns(self.ids[keep], self.models[keep], self.fields[:, keep], *tags)

    def pack(self, first: int) -> bytes:
        """The bytes of `unpack`, of models whose keys are at most 65,535 above `first`."""
        counts = np.array([len(self.ids), len(self.own_tags), len(self.version_tags)], "<i8")
        models = (self.models - first).astype("<u2")
        parts = (counts, self.ids.astype("<i8"), self.fields.astype("<i4"))
        return b"".join(part.tobytes() for part in (*parts, self.own_tags, self.version_tags, models))


def unpack(packed: bytes, first: int) -> Columns:
    """What was packed: little-endian, the number of rows and of both kinds of tags, then the arrays."""
    rows, own, of_versions = np.frombuffer(packed, "<i8", 3).tolist()
    lengths = (24, 8 * rows, 4 * len(FIELDS) * rows, 8 * own, 8 * of_versions, 2 * rows)
    ends = np.cumsum(lengths).tolist()
    view = memoryview(packed)
    ids, fields, own_tags, version_tags, models = (view[start:end] for start, end in pairwise(ends))
    return Columns(
        np.frombuffer(ids, "<i8"),
        np.frombuffer(models, "<u2").astype(np.int64) + first,
        np.frombuffer(fields, "<i4").reshape(len(FIELDS), rows),
        np.frombuffer(own_tags, "<i4").reshape(own, 2),
        np.frombuffer(version_tags, "<i4").reshape(of_versions, 2),
    )


def joined(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, which have no model in common."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part.ids) for part in parts)]).astype(np.int32)

    def tags(some: Sequence[Int32s]) -> Int32s:
        whole = np.concatenate([np.empty((0, 2), np.int32), *some])
        whole[:, 0] += np.repeat(starts[:-1], [len(one) for one in some])
        return whole

    return Columns(
        np.concatenate([np.empty(0, np.int64), *(part.ids for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.models for part in parts)]),
        np.concatenate([np.empty((len(FIELDS), 0), np.int32), *(part.fields for part in parts)], axis=1),
        tags([part.own_tags for part in parts]),
        tags([part.version_tags for part in parts]),
    )


def read(connection: Connection, models: Collection[int], values: Values) -> Columns:
    """The rows of these models as they are now, in order of the keys of models and versions."""
    return joined([_read(connection, keys, values) for keys in _pieces(sorted(models))])


def _pieces(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    return (keys[at : at + _PIECE] for at in range(0, len(keys), _PIECE))


def _read(connection: Connection, keys: Sequence[int], values: Values) -> Columns:
    given = {"keys": keys}
    rows = connection.execute(_rows(), given).all()
    ids, models, *fields = zip(*rows, strict=True) if rows else [()] * (2 + len(FIELDS))
    at = {key: row for row, key in enumerate(ids)}
    first = {model: row for row, model in reversed(list(enumerate(models)))}

    def tags(statement: Any, place: dict[int, int]) -> Int32s:
        found = [(place[key], tag) for key, tag in connection.execute(statement, given) if key in place]
        row = np.fromiter((one for one, _ in found), np.int32, len(found))
        return np.stack([row, values.numbers("tag", [tag for _, tag in found])], axis=1)

    numbers = [values.numbers(field, column) for field, column in zip(FIELDS, fields, strict=True)]
    return Columns(
        np.array(ids, np.int64), np.array(models, np.int64), np.array(numbers), tags(_own(), first), tags(_others(), at)
    )


@cache
def _rows() -> Any:
    columns = (listing.c.id, listing.c.asset_id, *(listing.c[field] for field in FIELDS))
    return select(*columns).where(among(listing.c.asset_id)).order_by(listing.c.asset_id, listing.c.id)


@cache
def _own() -> Any:
    mine = select(asset_tag.c.asset_id, asset_tag.c.key).where(among(asset_tag.c.asset_id))
    return mine.order_by(asset_tag.c.asset_id, asset_tag.c.key)


@cache
def _others() -> Any:
    of_versions = select(version_tag.c.node_id, version_tag.c.key).join(listing, listing.c.id == version_tag.c.node_id)
    return of_versions.where(among(listing.c.asset_id)).order_by(version_tag.c.node_id, version_tag.c.key)
