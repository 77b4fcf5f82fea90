"""Who asks too often is told to wait, in the words of whatever protocol they speak."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from registry import bootstrap
from registry.auth import Attempts, Doorkeeper, Rates
from registry.server import create_app
from registry.services.keys import registry_key
from tests.serving import HOST, ServedRegistry


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/models", "application/problem+json"),
        ("/", "text/html; charset=utf-8"),
        ("/api/models", "application/json"),
        ("/v2/", "application/json"),
        ("/api/2.0/mlflow/registered-models/search", "application/json"),
    ],
)
def test_who_asks_too_often_is_told_to_wait_at_every_door(served: ServedRegistry, path: str, kind: str) -> None:
    settings, tokens = served.family.settings, served.family.tokens
    with bootstrap.open_system(served.family.home, settings=settings) as system:
        key = registry_key(served.family.home, settings)
        door = Doorkeeper(system.sessions, key, Attempts(), Rates(token=2, address=4))
        app = create_app(system, settings, door, home=served.family.home)
        client = ServedRegistry(app, served.family).client()
        asked = [client.get(path, headers={"Authorization": f"Bearer {tokens['ana']}"}) for _ in range(3)]
        assert [one.status_code for one in asked] == [200, 200, 429]
        assert asked[2].headers["content-type"] == kind
        assert 1 <= int(asked[2].headers["retry-after"]) <= 60
        other = {"Authorization": f"Bearer {tokens['ben']}"}
        assert [client.get(path, headers=other).status_code for _ in range(2)] == [200, 429], (
            "the address has asked 4 times"
        )


def test_behind_a_proxy_that_is_trusted_its_word_counts_and_nobody_else_s_does(served: ServedRegistry) -> None:
    """As `forebear serve` has uvicorn do it: of a chain the last address that is no proxy's, and https for cookies."""
    said = {"X-Forwarded-For": "9.9.9.9, 203.0.113.5", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    for trusted, address, secure in (("testclient", "203.0.113.5", True), ("10.0.0.1", "testclient", False)):
        proxied: Any = ProxyHeadersMiddleware(served.app, trusted_hosts=[trusted])  # type: ignore[arg-type]
        with TestClient(proxied, base_url=HOST, headers=said, follow_redirects=False) as client:
            answer = client.post("/sign-in", data={"token": served.family.tokens["vic"]})
            assert ("secure" in answer.headers["set-cookie"].lower()) is secure
            asked = client.get(
                "/api/models?limit=1", headers={"Authorization": f"Bearer {served.family.tokens['vic']}"}
            )
        assert "evil.example" not in asked.headers["link"]
        entries = served.client("ana").get("/api/v1/audit", params={"action": "session.started", "limit": 1}).json()
        assert entries["items"][0]["detail"]["address"] == address
