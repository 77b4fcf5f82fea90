"""The value of a tag in its two columns: what an index takes, and the rest of a long one.

PostgreSQL puts no more than 2,704 bytes of a row into an index, which is less than a value may have.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_

INDEXED = 512
"""Characters of a value that the index has."""


def columns_of(value: str) -> dict[str, str]:
    """What the row of a tag has of its value."""
    return {"value": value[:INDEXED], "rest": value[INDEXED:]}


def value_of(tags: Any) -> ColumnElement[str]:
    """The whole value, of `asset_tag` or `version_tag`."""
    value: ColumnElement[str] = tags.c.value.concat(tags.c.rest).label("value")
    return value


def is_value(tags: Any, value: object) -> ColumnElement[bool]:
    """Whether a tag has this value: by the index."""
    columns = columns_of(str(value))
    return and_(tags.c.value == columns["value"], tags.c.rest == columns["rest"])
