"""The address of one team's models for MLflow's clients: `https://HOST/teams/vision` as MLFLOW_REGISTRY_URI.

Below it the routes are those of MLflow's protocol, and what stands before them is taken off the address before anything
looks at it: the guard, the reach of tokens, the limits and the audit log see the one address that a route has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from registry.api.mlflow import is_mlflow
from registry.domain.names import PART

_DOOR = re.compile(f"(/teams/({PART}))(/api/.+)")
_KEY = "forebear.team"


@dataclass(frozen=True, slots=True)
class TeamDoor:
    """Stands before `app` and takes the team off the address of a request to MLflow's protocol."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        match = _DOOR.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if match is not None and is_mlflow(match[3]):
            raw: bytes = scope.get("raw_path") or scope["path"].encode()
            scope = {**scope, "path": match[3], "raw_path": raw.removeprefix(match[1].encode()), _KEY: match[2]}
        await self.app(scope, receive, send)


def team_of(request: Request) -> str:
    """The team whose address was asked for; empty for that of all."""
    team: str = request.scope.get(_KEY, "")
    return team


def door_of(team: str) -> str:
    """What stands before the addresses of a team's models; nothing for those of all."""
    return f"/teams/{team}" if team else ""
