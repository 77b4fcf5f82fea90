"""The OpenAPI document: FastAPI's list of routes, with the schemas of the domain moved to one place."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from registry import __version__

_HOME = "#/components/schemas/"


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
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{"token": []}]
    return made


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
    if part.get("title") == "Problem" and "code" in part.get("properties", {}):
        schemas.setdefault("Problem", part)
        return {"$ref": _HOME + "Problem"}
    moved = {key: _hoisted(value, schemas) for key, value in part.items() if key != "$defs"}
    if isinstance(reference := moved.get("$ref"), str):
        moved["$ref"] = reference.replace("#/$defs/", _HOME)
    return moved
