"""How the route of a request is found: as by trying all of them in order, without trying all of them."""

from __future__ import annotations

import re
from typing import Any

from fastapi.routing import APIRoute, iter_route_contexts

from registry.api.finding import Finder
from tests.serving import ServedRegistry

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STRANGE = (
    "",
    "/",
    "//",
    "/nothing",
    "/api",
    "/api/v1",
    "/api/v1/",
    "/api/v1/models/",
    "/models/a",
    "/models/a/b/c/d/e",
)


def paths(routes: list[Any]) -> list[str]:
    """An address of each route, one with parts that look like those of other routes, and one with a slash too many."""
    filled = [re.sub(r"{[^}]*}", filling, one.path) for one in routes for filling in ("x", "models", "a/b", "@1%2F")]
    return sorted({*filled, *(f"{path}/" for path in filled), *STRANGE})


def test_a_request_finds_the_route_that_stands_first_among_those_that_fit(served: ServedRegistry) -> None:
    app = served.app
    routes = [one for one in iter_route_contexts(app.routes) if isinstance(one.original_route, APIRoute)]
    assert len(routes) > 300

    async def router(*_: object) -> None: ...

    finder = Finder(router, app.routes)
    for path in paths(routes):
        for method in METHODS:
            fitting = (one for one in routes if method in (one.methods or ()) and one.path_regex.match(path))
            first = next(fitting, None)
            scope: dict[str, Any] = {"type": "http", "path": path, "method": method}
            found = finder.find(scope)
            assert (found and found.endpoint) == (first and first.endpoint), (method, path)
            if first is not None:
                assert scope["path_params"] == first.path_regex.match(path).groupdict()


def test_files_of_the_pages_and_other_methods_are_left_to_the_router(served: ServedRegistry) -> None:
    client = served.client("vic")
    assert client.get("/static/forebear.css").status_code == 200
    assert client.get("/static/nothing.css").status_code == 404
    assert client.delete("/api/v1/doctor").status_code == 405
    assert client.get("/api/v1/models/nobody/nothing/versions/1/", follow_redirects=False).status_code in {307, 404}
