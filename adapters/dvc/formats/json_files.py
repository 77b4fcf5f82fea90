"""JSON Lines (one object a line), or one JSON array of objects, in UTF-8. The columns are those of all rows."""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, cast

from adapters.dvc.formats.columns import Record, Table, check_columns, decoded
from adapters.dvc.rows.places import begin
from registry.errors import BadDataError

_LARGEST_ARRAY = 256 * 1024 * 1024
"""Bytes of a JSON array, which is read whole."""
_ONE_A_LINE = "Write one JSON object a line, or one array of objects"


def read_json(path: Path, name: str) -> Table:
    """The table in a JSON file. Raises: BadDataError naming the line, or the item of the array."""
    items = _array(path, name) if starts_array(path, name) else None

    def records(_: Collection[str]) -> Iterator[tuple[str, Record]]:
        if items is not None:
            for number, item in enumerate(items, start=1):
                yield (where := f"item {number} of {name!r}"), _checked(item, where)
            return
        for number, line in enumerate(decoded(path, name), start=1):
            if line.strip():
                yield (where := f"line {number} of {name!r}"), _checked(_parse(line, where), where)

    columns: dict[str, None] = {}
    for _, record in records(()):
        columns.update(dict.fromkeys(record))
        check_columns(columns, name)
    return Table(tuple(columns), records)


def starts_array(path: Path, name: str) -> bool:
    """True when the first character of the file opens an array. Raises: BadDataError."""
    first = next((line for line in decoded(path, name) if line.strip()), "")
    return first.lstrip().startswith("[")


def _array(path: Path, name: str) -> list[Any]:
    if path.stat().st_size > _LARGEST_ARRAY:
        raise BadDataError(
            f"{name!r} is one JSON array of more than {_LARGEST_ARRAY >> 20} MiB", remedy="Write one object a line"
        )
    return cast("list[Any]", _parse("".join(decoded(path, name)), repr(name)))


def _parse(text: str, where: str) -> object:
    gc.disable()  # with millions of small values every collection looks at all of them, and none is garbage
    try:
        return json.loads(text, object_pairs_hook=_each_key_once)
    except (ValueError, RecursionError) as error:
        raise BadDataError(f"{begin(where)} is not JSON: {error}", remedy=_ONE_A_LINE) from error
    finally:
        gc.enable()


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {twice!r} is given twice")
    return found


def _checked(found: object, where: str) -> Record:
    if not isinstance(found, dict):
        raise BadDataError(f"{begin(where)} is not a JSON object", remedy=_ONE_A_LINE)
    return found
