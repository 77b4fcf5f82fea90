"""A small judge of JSON Schema: the keywords that our schemas use, and a complaint about any other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_SAYS_NOTHING = {"title", "description", "default", "examples", "format", "readOnly", "contentEncoding", "$defs"}
_SAYS_NOTHING |= {"$schema", "$id"}


def misfits(value: Any, schema: Any, root: Mapping[str, Any] | None = None, place: str = "$") -> list[str]:
    """Why `value` does not fit `schema`; empty when it does. Raises: KeyError for a keyword unknown here."""
    root = schema if root is None else root
    found: list[str] = []
    for word, wanted in {} if schema is True else schema.items():
        if word in _NESTED:
            for step, item, inner in _NESTED[word](wanted, value, schema, root):
                found += misfits(item, inner, root, f"{place}.{step}")
        elif word in {"anyOf", "oneOf"}:
            if all(misfits(value, one, root, place) for one in wanted):
                found.append(f"{place}: none of {wanted}")
        elif word not in _SAYS_NOTHING and not _JUDGES[word](wanted, value):
            found.append(f"{place}: not {word} {wanted}")
    return found


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _fields(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_NESTED: Mapping[str, Callable[[Any, Any, Any, Any], list[tuple[object, Any, Any]]]] = {
    "$ref": lambda wanted, value, _, root: [("", value, root["$defs"][wanted.removeprefix("#/$defs/")])],
    "properties": lambda wanted, value, *_: [(k, v, wanted[k]) for k, v in _fields(value).items() if k in wanted],
    "additionalProperties": lambda wanted, value, schema, _: [
        (k, v, {"enum": []} if wanted is False else wanted)
        for k, v in _fields(value).items()
        if k not in schema.get("properties", {})
    ],
    "items": lambda wanted, value, *_: [(i, v, wanted) for i, v in enumerate(_items(value))],
    "prefixItems": lambda wanted, value, *_: [
        (i, v, w) for i, (v, w) in enumerate(zip(_items(value), wanted, strict=False))
    ],
}

_JUDGES: Mapping[str, Callable[[Any, Any], bool]] = {
    "type": _is,
    "enum": lambda wanted, value: value in wanted,
    "const": lambda wanted, value: value == wanted,
    "pattern": lambda wanted, value: not _is("string", value) or re.search(wanted, value) is not None,
    "required": lambda wanted, value: not _is("object", value) or set(wanted) <= value.keys(),
    "minimum": lambda wanted, value: not _is("number", value) or value >= wanted,
    "exclusiveMinimum": lambda wanted, value: not _is("number", value) or value > wanted,
    "maximum": lambda wanted, value: not _is("number", value) or value <= wanted,
    "exclusiveMaximum": lambda wanted, value: not _is("number", value) or value < wanted,
    "minItems": lambda wanted, value: not _is("array", value) or len(value) >= wanted,
    "maxItems": lambda wanted, value: not _is("array", value) or len(value) <= wanted,
    "minProperties": lambda wanted, value: not _is("object", value) or len(value) >= wanted,
    "minLength": lambda wanted, value: not _is("string", value) or len(value) >= wanted,
    "maxLength": lambda wanted, value: not _is("string", value) or len(value) <= wanted,
    "uniqueItems": lambda _, value: len({repr(item) for item in _items(value)}) == len(_items(value)),
}
