"""The types of the values that a condition reads: what is known of a policy's facts before there are any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a single value is, as sentences name it."""

    BOOL = "true or false"
    INT = "a whole number"
    DOUBLE = "a decimal number"
    TEXT = "text"
    BYTES = "bytes"
    NULL = "null"
    TIMESTAMP = "a moment"
    DURATION = "a duration"
    ANY = "anything"
    """Nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Single:
    """One value; `choices` are the only texts that it can be, none where it can be any."""

    kind: Kind
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.kind.value


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    of: Type

    def __str__(self) -> str:
        return "a list"


@dataclass(frozen=True, slots=True)
class Record:
    """Values by name. `sure` when all fields are always there; `others` is what an unnamed field holds, None for none.

    `remedy` is said of an unknown field when no name is near.
    """

    what: str
    fields: Mapping[str, Type] = field(default_factory=dict)
    sure: bool = False
    others: Type | None = None
    remedy: str = ""

    def __str__(self) -> str:
        return "a map"


Type = Single | Many | Record
ANY, BOOL, INT, DOUBLE, TEXT = (Single(kind) for kind in (Kind.ANY, Kind.BOOL, Kind.INT, Kind.DOUBLE, Kind.TEXT))
BYTES, NULL = Single(Kind.BYTES), Single(Kind.NULL)
TIMESTAMP, DURATION = Single(Kind.TIMESTAMP), Single(Kind.DURATION)


def type_of(value: object, what: str = "") -> Type:
    """The type of a value that is written in a policy; whole numbers among its parameters are decimal numbers."""
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int | float):
        return DOUBLE
    if isinstance(value, str):
        return TEXT
    if isinstance(value, list | tuple):
        kinds = [type_of(item) for item in value]
        return Many(kinds[0] if kinds and all(kind == kinds[0] for kind in kinds) else ANY)
    if isinstance(value, Mapping):
        return Record(what, {str(name): type_of(item, f"{what}.{name}") for name, item in value.items()}, sure=True)
    return NULL if value is None else ANY
