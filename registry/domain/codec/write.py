"""From a value to its JSON form: the table in the package's docstring, read from left to right."""

from __future__ import annotations

import base64
import math
import types
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import Any

from lineage import Digest
from registry.domain.audit import AuditReport
from registry.domain.governance.promotion import Verdict
from registry.domain.names import Name, Reference, VersionRef
from registry.errors import InvalidError

COMPUTED: Mapping[type, tuple[str, ...]] = {Verdict: ("allowed", "reasons"), AuditReport: ("intact",)}
"""Properties that are written too. On the way in they may be left out; when given, they must be right."""


def to_json(value: object) -> Any:
    """The JSON form of `value`. Raises: TypeError for what has none, InvalidError for a time without a zone."""
    kind: Any = type(value)
    return _writer(kind)(value)


@cache
def _writer(kind: type) -> Callable[[Any], Any]:
    """The first row of the table above that fits; an Enum before the text or number that it also is."""
    rows: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
        (Enum, lambda v: v.value),
        ((bool, int, str, types.NoneType), lambda v: v),
        (float, _write_float),
        ((Digest, Name, VersionRef, Reference), str),
        (datetime, _write_time),
        (PurePath, lambda v: v.as_posix()),
        (bytes, lambda v: base64.b64encode(v).decode()),
        (Mapping, lambda v: {str(to_json(key)): to_json(item) for key, item in v.items()}),
        (Set, lambda v: sorted(to_json(item) for item in v)),
        (Sequence, lambda v: [to_json(item) for item in v]),
    )
    for row, write in rows:
        if issubclass(kind, row):
            return write
    if is_dataclass(kind):
        names = (*(f.name for f in outer_fields(kind)), *COMPUTED.get(kind, ()))
        return lambda v: {name: to_json(getattr(v, name)) for name in names}
    raise TypeError(f"{kind.__name__} has no JSON form")


def outer_fields(kind: Any) -> list[Field[Any]]:
    """The fields of a dataclass that its JSON has: all but those with the metadata `inside`."""
    return [one for one in fields(kind) if not one.metadata.get("inside")]


def _write_float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _write_time(value: datetime) -> str:
    if value.tzinfo is None:
        raise InvalidError(f"The time {value.isoformat()} has no time zone")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
