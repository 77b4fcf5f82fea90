"""The JSON Schema (draft 2020-12, as OpenAPI 3.1 uses it) of the JSON form of a type."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence, Set
from dataclasses import MISSING, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lineage import Digest
from registry.domain.codec.read import NOT_NUMBERS, field_types
from registry.domain.codec.write import COMPUTED, outer_fields, to_json
from registry.domain.names import Name, Reference, VersionRef

Schema = dict[str, Any]

_SCALARS: Mapping[Any, Schema] = {
    object: {},
    Any: {},
    types.NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"anyOf": [{"type": "number"}, {"enum": list(NOT_NUMBERS)}]},
    str: {"type": "string"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    datetime: {"type": "string", "format": "date-time"},
    Path: {"type": "string"},
    Digest: {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    Name: {"type": "string", "examples": ["team/name"]},
    Reference: {"type": "string", "examples": ["models:/team/name@production"]},
    VersionRef: {"type": "string", "examples": ["models:/team/name/3"]},
}


def schema_of(kind: Any, *, definitions: dict[str, Schema] | None = None, prefix: str = "#/$defs/") -> Schema:
    """The schema of `kind`.

    With `definitions`, each dataclass is put there once under its name (`PageOfModelSummary` for `Page[ModelSummary]`)
    and referred to by `prefix` plus that name (OpenAPI: `#/components/schemas/`). Without, the answer stands alone: it
    carries its own `$defs`. Raises: TypeError for a type that has no JSON form.
    """
    if definitions is not None:
        return _schema(kind, definitions, prefix)
    own: dict[str, Schema] = {}
    schema = _schema(kind, own, "#/$defs/")
    return {**schema, "$defs": own} if own else schema


def _schema(kind: Any, definitions: dict[str, Schema], prefix: str) -> Schema:
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [item.value for item in kind]}
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(origin or kind):
        name = _name(kind)
        if name not in definitions:
            definitions[name] = {}  # holds the place while the fields are read, should one refer back
            definitions[name].update(_dataclass(kind, definitions, prefix))
        return {"$ref": prefix + name}
    if origin in {Union, types.UnionType}:
        return {"anyOf": [_schema(argument, definitions, prefix) for argument in arguments]}
    if origin is Literal:
        return {"enum": [to_json(argument) for argument in arguments]}
    return _container(kind, definitions, prefix)


def _container(kind: Any, definitions: dict[str, Schema], prefix: str) -> Schema:
    origin, arguments = get_origin(kind), get_args(kind)
    if not isinstance(origin, type):
        raise TypeError(f"{kind} has no JSON form")
    if issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions, prefix)}
    if origin is tuple and arguments[-1] is not ...:
        items = [_schema(argument, definitions, prefix) for argument in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if issubclass(origin, Set | Sequence):
        items_schema = _schema(arguments[0], definitions, prefix)
        unique = {"uniqueItems": True} if issubclass(origin, Set) else {}
        return {"type": "array", "items": items_schema, **unique}
    raise TypeError(f"{kind} has no JSON form")


def _dataclass(kind: Any, definitions: dict[str, Schema], prefix: str) -> Schema:
    made, types_of = field_types(kind)
    properties = {f.name: _schema(types_of[f.name], definitions, prefix) for f in outer_fields(made)}
    for name in COMPUTED.get(made, ()):
        properties[name] = {**_schema(_returned(made, name), definitions, prefix), "readOnly": True}
    needed = [f.name for f in outer_fields(made) if f.default is MISSING and f.default_factory is MISSING]
    return {
        "type": "object",
        "title": _name(kind),
        "description": (made.__doc__ or "").split("\n\n")[0],
        "properties": properties,
        "required": needed,
        "additionalProperties": False,
    }


def _returned(made: type, name: str) -> Any:
    """What the property `name` gives."""
    return get_type_hints(getattr(made, name).fget)["return"]


def _name(kind: Any) -> str:
    arguments = get_args(kind)
    own: str = (get_origin(kind) or kind).__name__
    return own + "Of" + "And".join(map(_name, arguments)) if arguments else own
