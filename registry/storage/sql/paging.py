"""Keyset pages: the cursor holds the sort keys of the last row, so pages stay right while rows come and go.

A cursor is URL-safe base64 of a JSON list: a hash of the query that it belongs to, then the keys.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_

from registry.domain.paging import PageRequest
from registry.domain.text import is_unicode
from registry.errors import BadCursorError


@dataclass(frozen=True, slots=True)
class SortBy:
    """One key of the order. It is never NULL, and the last key of an order is unique."""

    column: ColumnElement[Any]
    type: type[str | int | float | datetime]
    descending: bool = False


def page_rows(
    connection: Connection, statement: Select[Any], order: Sequence[SortBy], page: PageRequest, *, scope: str
) -> tuple[Sequence[Row[Any]], str | None]:
    """The rows of one page of `statement` in `order`, and the cursor of the next page.

    `scope` names the query, without its page: a cursor of another query is refused. Raises: BadCursorError.
    """
    mark = _mark(scope)
    after = None if page.cursor is None else _read(page.cursor, mark, order)
    rows = connection.execute(with_keys(ordered(statement, order, after), order).limit(page.limit + 1)).all()
    if len(rows) <= page.limit:
        return rows, None
    rows = rows[: page.limit]
    return rows, _write(mark, sort_values(rows[-1], order))


def ordered(statement: Select[Any], order: Sequence[SortBy], after: Sequence[Any] | None = None) -> Select[Any]:
    """`statement` in `order`, from the row after the one with the keys `after` on."""
    if after is not None:
        statement = statement.where(_after(order, after))
    return statement.order_by(*(key.column.desc() if key.descending else key.column.asc() for key in order))


def with_keys(statement: Select[Any], order: Sequence[SortBy]) -> Select[Any]:
    """`statement` with the keys of `order` beside each row, as `sort_values` reads them."""
    return statement.add_columns(*(key.column.label(f"sort_{i}") for i, key in enumerate(order)))


def sort_values(row: Row[Any], order: Sequence[SortBy]) -> list[Any]:
    """The keys of a row of a statement `with_keys`."""
    return [row._mapping[f"sort_{i}"] for i in range(len(order))]


def sort_keys(cursor: str, order: Sequence[SortBy], *, scope: str) -> list[Any]:
    """The keys that `cursor` holds, those of the last row before its page. Raises: BadCursorError."""
    return _read(cursor, _mark(scope), order)


def cursor_after(values: Sequence[object], *, scope: str) -> str:
    """The cursor of the page after a row with these keys."""
    return _write(_mark(scope), values)


def _mark(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()[:16]


def _after(order: Sequence[SortBy], values: Sequence[Any]) -> ColumnElement[bool]:
    """Strictly after `values`: the first key is past, or equal with the second past, and so on."""
    cases = []
    for i, (key, value) in enumerate(zip(order, values, strict=True)):
        past = key.column < value if key.descending else key.column > value
        same = [k.column == v for k, v in zip(order[:i], values[:i], strict=True)]
        cases.append(and_(*same, past))
    first, value = order[0], values[0]
    # Said once more for the first key alone, so that the index is entered where the page begins.
    return and_(first.column <= value if first.descending else first.column >= value, or_(*cases))


def _write(mark: str, values: Sequence[object]) -> str:
    texts = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([mark, *texts]).encode()).decode().rstrip("=")


def _read(cursor: str, mark: str, order: Sequence[SortBy]) -> list[Any]:
    try:
        found, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if found == mark:
            return [_value(key.type, value) for key, value in zip(order, values, strict=True)]
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError) as problem:
        raise _refused(cursor) from problem
    raise _refused(cursor)


def _value(wanted: type, value: object) -> object:
    if wanted is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(value)
        return moment.astimezone(UTC)
    if wanted is float and type(value) in {int, float}:
        return value
    if type(value) is not wanted or (isinstance(value, int) and abs(value) >= 2**63):
        raise TypeError(value)
    if isinstance(value, str) and ("\x00" in value or not is_unicode(value)):
        raise ValueError(value)
    return value


def _refused(cursor: str) -> BadCursorError:
    return BadCursorError(
        f"The cursor {cursor[:40]!r} does not belong to this query",
        remedy="Take next_cursor from the page before, and change nothing else of the query",
    )
