"""The server over a small registry, without a socket: what the tests of the API and of the pages talk to."""

from __future__ import annotations

import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from registry import bootstrap
from registry.auth import Attempts, Doorkeeper
from registry.server import create_app
from registry.services.keys import registry_key
from registry.settings import Settings
from tests.family import Family, found_family

HOST = "http://localhost"


@dataclass(frozen=True, slots=True)
class ServedRegistry:
    """The application, and who may sign in to it."""

    app: FastAPI
    family: Family

    def client(self, handle: str | None = None) -> TestClient:
        """A program that sends the token of `handle` (None: nothing) and follows no redirect."""
        headers = {"Authorization": f"Bearer {self.family.tokens[handle]}"} if handle else {}
        return TestClient(self.app, base_url=HOST, headers=headers, follow_redirects=False)

    def browser(self, handle: str) -> TestClient:
        """A browser in which `handle` has signed in."""
        client = self.client()
        answer = client.post("/sign-in", data={"token": self.family.tokens[handle]})
        assert answer.status_code == 303, answer.text
        return client


def serve_family(home: Path) -> ServedRegistry:
    """Fill `home` and build the application over it."""
    return over(found_family(home))


def over(family: Family) -> ServedRegistry:
    """The application over a home that is there."""
    return ServedRegistry(app_over(family.home, family.settings), family)


def app_over(home: Path, settings: Settings) -> FastAPI:
    """The application over `home`, which lets anybody try tokens."""
    registry = bootstrap.open_system(home, settings=settings)
    door = Doorkeeper(registry.sessions, registry_key(home, settings), Attempts(per_minute=100_000))
    return create_app(registry, settings, door, home=home)


def copy_of(served: ServedRegistry, home: Path) -> ServedRegistry:
    """The same registry in a home of its own, for a test that changes things."""
    shutil.copytree(served.family.home, home)
    settings = type(served.family.settings)(home=home, mlflow_uri="off")
    system = bootstrap.open_system(home, settings=settings)
    known = {name: getattr(served.family, name) for name in ("tokens", "backbone", "child", "grandchild", "request")}
    return over(Family(home=home, settings=settings, system=system, **known))


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The address of a server over `app`, in a thread of this process."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{place.getsockname()[1]}"
        app.state.streams.closed = True
        server.should_exit = True
        thread.join()
        app.state.streams.closed = False  # the application may be served again, and is read without a server


def form_token(html: str) -> str:
    """The CSRF token of the first form in a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    assert found, "the page has no form"
    return found[1]


def problem(answer: Any) -> Mapping[str, Any]:
    """The problem body of an answer, checked for its shape."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:300]
    body: Mapping[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code", "facts", "remedy"}
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:forebear:error:{body['code']}"
    assert body["title"]
    return body
