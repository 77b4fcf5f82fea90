"""From JSON back to a value, strictly: what reads a type is put together once from its annotations."""

from __future__ import annotations

import base64
import binascii
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import MISSING, Field, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

from lineage import Digest, LineageError
from registry.domain.codec.write import COMPUTED, outer_fields, to_json
from registry.domain.names import Name, Reference, VersionRef
from registry.domain.text import expected, shown
from registry.errors import InvalidError, RegistryError

T = TypeVar("T")
Reader = Callable[[object, str], Any]

NOT_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def from_json(kind: type[T], data: object) -> T:
    """The value of type `kind` in the JSON `data`.

    A field may be left out only where the dataclass has a default. Raises: InvalidError naming the place
    (`summary.aliases[2]`) of an unknown or missing field or a wrong type; what a value itself refuses at birth keeps
    its own error and code, with the place before the sentence.
    """
    wanted: Any = kind
    return cast("T", _reader(wanted)(data, ""))


@cache
def _reader(kind: Any) -> Reader:
    """What reads `kind`; made once per type. Raises: TypeError for an annotation that the table does not know."""
    if kind is object or kind is Any:
        return lambda data, _place: data
    if kind in _SCALARS:
        return _SCALARS[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _choice({item.value: item for item in kind})
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(origin or kind):
        return _dataclass(kind)
    if origin in {Union, types.UnionType}:
        return _optional(arguments)
    if origin is Literal:
        return _choice({to_json(item): item for item in arguments})
    return _container(kind, origin, arguments)


def _container(kind: Any, origin: Any, arguments: tuple[Any, ...]) -> Reader:
    if isinstance(origin, type):
        if issubclass(origin, Mapping):
            return _mapping(_reader(arguments[1]))
        if origin is tuple and arguments[-1] is not ...:
            return _fixed(tuple(map(_reader, arguments)))
        if issubclass(origin, Set):
            return _many(_reader(arguments[0]), frozenset)
        if issubclass(origin, Sequence):
            return _many(_reader(arguments[0]), tuple)
    raise TypeError(f"{kind} has no JSON form")


def _wrong(place: str, what: str, *, remedy: str = "") -> InvalidError:
    return InvalidError(f"{place}: {what}" if place else what, remedy=remedy, facts={"place": place} if place else None)


def _plain(word: str, *kinds: type) -> Reader:
    def read(data: object, place: str) -> Any:
        if type(data) not in kinds:  # `type`, because True is an int and must not be read as 1
            raise _wrong(place, expected(word, data))
        return data

    return read


def _text(make: Callable[[str], Any], what: str) -> Reader:
    read_text = _plain(what, str)

    def read(data: object, place: str) -> Any:
        text = read_text(data, place)
        return _at(place, lambda: make(text))

    return read


def _at(place: str, make: Callable[[], Any]) -> Any:
    """The result of `make`; an error gets the place in front of its message."""
    try:
        return make()
    except RegistryError as error:
        message = f"{place}: {error.message}" if place else error.message
        raise type(error)(message, remedy=error.remedy, facts=error.facts) from error
    except (LineageError, ValueError) as error:
        raise _wrong(place, str(error)) from error


def _read_float(data: object, place: str) -> float:
    if isinstance(data, str) and data in NOT_NUMBERS:
        return NOT_NUMBERS[data]
    return float(_plain("a number", int, float)(data, place))


def _parse_time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None or "T" not in text:
        raise ValueError(f"{text!r} is not a time with its zone, such as 2026-11-23T04:05:06Z")
    return time.astimezone(UTC)


def _parse_bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"this is not base64: {error}") from error


def _parse_version(text: str) -> VersionRef:
    reference = Reference.parse(text)
    if reference.number is None:
        raise ValueError(f"{text!r} names no version number")
    return VersionRef(reference.kind, reference.name, reference.number)


_SCALARS: dict[type, Reader] = {
    types.NoneType: _plain("null", types.NoneType),
    bool: _plain("true or false", bool),
    int: _plain("a whole number", int),
    float: _read_float,
    str: _plain("text", str),
    bytes: _text(_parse_bytes, "base64 text"),
    datetime: _text(_parse_time, "a time"),
    Path: _text(Path, "a path"),
    Digest: _text(Digest.parse, "a digest"),
    Name: _text(Name.parse, "a name"),
    Reference: _text(Reference.parse, "a reference"),
    VersionRef: _text(_parse_version, "a reference with a number"),
}


def _optional(arguments: tuple[Any, ...]) -> Reader:
    inner = [argument for argument in arguments if argument is not types.NoneType]
    if len(inner) != 1 or len(arguments) != 2:
        raise TypeError(f"only `X | None` has a JSON form, not {arguments}")
    read_inner = _reader(inner[0])
    return lambda data, place: None if data is None else read_inner(data, place)


def _choice(values: Mapping[Any, Any]) -> Reader:
    def read(data: object, place: str) -> Any:
        if isinstance(data, Mapping | list) or data not in values:
            raise _wrong(place, f"{shown(data)} is not one of {', '.join(map(str, values))}")
        return values[data]

    return read


def _mapping(read_item: Reader) -> Reader:
    def read(data: object, place: str) -> Any:
        found = _object(data, place)
        return {key: read_item(item, _below(place, key)) for key, item in found.items()}

    return read


def _many(read_item: Reader, make: Callable[[Any], Any]) -> Reader:
    def read(data: object, place: str) -> Any:
        return make(read_item(item, f"{place}[{i}]") for i, item in enumerate(_list(data, place)))

    return read


def _fixed(readers: tuple[Reader, ...]) -> Reader:
    def read(data: object, place: str) -> Any:
        found = _list(data, place)
        if len(found) != len(readers):
            raise _wrong(place, f"expected a list of {len(readers)}, not of {len(found)}")
        return tuple(one(item, f"{place}[{i}]") for i, (one, item) in enumerate(zip(readers, found, strict=True)))

    return read


def _dataclass(kind: Any) -> Reader:
    made, types_of = field_types(kind)
    known: dict[str, Field[Any]] = {f.name: f for f in outer_fields(made)}
    needed = {name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    computed = COMPUTED.get(made, ())

    def read(data: object, place: str) -> Any:
        found = _object(data, place)
        if unknown := sorted(found.keys() - known.keys() - set(computed)):
            raise _wrong(_below(place, unknown[0]), "there is no such field", remedy=f"Known: {', '.join(known)}")
        if missing := sorted(needed - found.keys()):
            raise _wrong(_below(place, missing[0]), "this field is missing")
        given = {n: _reader(types_of[n])(found[n], _below(place, n)) for n in known if n in found}
        value = _at(place, lambda: made(**given))
        for name in computed:
            if name in found and found[name] != to_json(getattr(value, name)):
                raise _wrong(_below(place, name), "this does not follow from the other fields")
        return value

    return read


def field_types(kind: Any) -> tuple[type, dict[str, Any]]:
    """The dataclass behind `kind` (`Page[X]` → Page) and the type of each field, type variables filled in."""
    made = get_origin(kind) or kind
    filling = dict(zip(getattr(made, "__parameters__", ()), get_args(kind), strict=False))
    return made, {name: _filled(hint, filling) for name, hint in typing.get_type_hints(made).items()}


def _filled(hint: Any, filling: Mapping[Any, Any]) -> Any:
    if isinstance(hint, TypeVar):
        return filling.get(hint, object)
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(filling.get(p, object) for p in parameters)] if parameters else hint


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _object(data: object, place: str) -> Mapping[str, object]:
    if not isinstance(data, Mapping) or any(not isinstance(key, str) for key in data):
        raise _wrong(place, expected("an object", data))
    return data


def _list(data: object, place: str) -> Sequence[object]:
    if not isinstance(data, list | tuple):
        raise _wrong(place, expected("a list", data))
    return data
