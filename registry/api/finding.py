"""Finds the route of a request by the fixed parts that its path begins with.

A router of Starlette tries one route after another. With some hundreds of them that took a third of the time of a
request; here only those are tried whose fixed beginning is that of the path, in the same order. What none of them
answers (another method, a slash too many, a mounted folder of files) is left to the router.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi.routing import APIRoute, iter_route_contexts
from starlette.convertors import Convertor
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Way:
    """One route as its router would try it; `app` is None where only the router can."""

    position: int
    path: str
    pattern: re.Pattern[str]
    methods: frozenset[str]
    convertors: Mapping[str, Convertor[Any]]
    route: BaseRoute
    endpoint: Any
    app: ASGIApp | None


@dataclass(slots=True)
class _Folder:
    """What begins with the same fixed parts: routes of shorter beginnings too, in the order of the router."""

    below: dict[str, _Folder] = field(default_factory=dict)
    ways: list[Way] = field(default_factory=list)


class Finder:
    """Stands before `router` and answers what it can itself.

    `routes` are those of the application; they are read with the first request, when all have been added.
    """

    def __init__(self, router: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._router, self._routes = router, routes
        self._top: _Folder | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or whatever else there is."""
        way = self.find(scope) if scope["type"] == "http" and not scope.get("root_path") else None
        if way is None or way.app is None:
            await self._router(scope, receive, send)
        else:
            await way.app(scope, receive, send)

    def find(self, scope: Scope) -> Way | None:
        """The first route for the path and the method, with its parameters written into `scope`; None if unsure."""
        if self._top is None:
            self._top = _tree(_ways(self._routes))
        path, method, folder = scope["path"], scope["method"], self._top
        for part in path.split("/"):
            inner = folder.below.get(part)
            if inner is None:
                break
            folder = inner
        for way in folder.ways:
            match = way.pattern.match(path)
            if match is None:
                continue
            if way.app is None:
                return None
            if method in way.methods:
                found = match.groupdict()
                for name, value in found.items():
                    found[name] = way.convertors[name].convert(value)
                scope.setdefault("router", self._router)
                scope["path_params"] = {**scope.get("path_params", {}), **found}
                scope["endpoint"], scope["route"] = way.endpoint, way.route
                return way
        return None


def _ways(routes: Iterable[BaseRoute]) -> Iterable[Way]:
    for position, one in enumerate(iter_route_contexts(list(routes))):
        ours = isinstance(one.original_route, APIRoute)
        yield Way(
            position,
            one.path or "",
            one.path_regex,
            frozenset(one.methods or ()),
            one.param_convertors,
            one.original_route,
            one.endpoint if ours else None,
            one.app if ours else None,
        )


def _tree(ways: Iterable[Way]) -> _Folder:
    top = _Folder()
    for way in ways:
        folder = top
        for part in _fixed(way.path):
            folder = folder.below.setdefault(part, _Folder())
        folder.ways.append(way)
    _inherit(top, [])
    return top


def _inherit(folder: _Folder, above: list[Way]) -> None:
    folder.ways = sorted([*above, *folder.ways], key=lambda way: way.position)
    for inner in folder.below.values():
        _inherit(inner, folder.ways)


def _fixed(path: str) -> list[str]:
    """The parts that `path` begins with before the first that holds a parameter."""
    fixed, parameter, _ = path.partition("{")
    parts = fixed.split("/")
    return parts[:-1] if parameter else parts
