"""The OpenAPI document: FastAPI's list of routes, with the schemas of the domain moved to one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from registry import __version__
from registry.api import problems
from registry.domain.ids import ULID
from registry.domain.names import ALIAS, PART
from registry.domain.people.people import HANDLE, ROLE

_HOME = "#/components/schemas/"
_FORMS = {
    "team": PART,
    "name": PART,
    "alias": ALIAS,
    "version": rf"[1-9][0-9]{{0,8}}|latest|@{ALIAS}",
    "handle": HANDLE,
    "role": ROLE,
    "step": f"step-{ULID}",
    "request_id": f"req-{ULID}",
    "proposal_id": f"pol-{ULID}",
    "token": f"tok-{ULID}",
}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the routes of `app` under /api."""
    routes = [route for route in app.routes if getattr(route, "path", "/api").startswith("/api")]
    made = get_openapi(
        title="Forebear",
        version=__version__,
        description="A governed model registry with lineage. Sign in with `Authorization: Bearer fbr_…`.",
        routes=routes,
    )
    schemas: dict[str, Any] = made.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    made["paths"] = _hoisted(made["paths"], schemas)
    for path, methods in made["paths"].items():
        for said in methods.values():
            _say_forms(path, said.get("parameters", ()))
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{"token": []}]
    return made


def _say_forms(path: str, parameters: Sequence[dict[str, Any]]) -> None:
    """Say which form a part of a path has. The routes themselves check it, with an error of its own for each.

    A parameter can be left out, but it cannot be null.
    """
    for one in parameters:
        kinds = [kind for kind in one["schema"].get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            one["schema"] = kinds[0] | {key: value for key, value in one["schema"].items() if key != "anyOf"}
        if one["in"] == "path" and one["name"] in _FORMS and not (one["name"] == "name" and "{team}" not in path):
            one["schema"] = {"type": "string", "pattern": f"^(?:{_FORMS[one['name']]})$", "maxLength": 64}


def _hoisted(part: Any, schemas: dict[str, Any]) -> Any:
    """`part` with every `$defs` moved to `schemas` and every reference to it following."""
    if isinstance(part, list):
        return [_hoisted(item, schemas) for item in part]
    if not isinstance(part, dict):
        return part
    for name, schema in part.get("$defs", {}).items():
        if name not in schemas:
            schemas[name] = {}  # holds the place: a schema may refer to itself
            schemas[name].update(_hoisted(schema, schemas))
    if part.get("title") == problems.TITLE:
        schemas.setdefault(problems.TITLE, part)
        return {"$ref": _HOME + problems.TITLE}
    moved = {key: _hoisted(value, schemas) for key, value in part.items() if key != "$defs"}
    if isinstance(reference := moved.get("$ref"), str):
        moved["$ref"] = reference.replace("#/$defs/", _HOME)
    return moved
