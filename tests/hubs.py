"""A Hub in a thread of this process, which answers honestly unless a test says how it lies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from tests.listening import listening

SHA = "9f0c" * 10
REPOSITORY = "acme/digits"
TASK = "image-classification"
README = b"---\nlicense: apache-2.0\npipeline_tag: image-classification\n---\n# Digits\n"


@dataclass
class Asked:
    """One request."""

    path: str
    headers: Mapping[str, str]


Answer = Callable[["FakeHub", BaseHTTPRequestHandler, str], bool]
"""Answers a request at a path in an own way; False: answer it as always."""


@dataclass
class FakeHub:
    """A Hub with one repository. Files whose name ends in `.safetensors` are in LFS."""

    files: dict[str, bytes]
    said: dict[str, Any] = field(default_factory=dict)
    """What its metadata say besides, or instead."""
    lies: Answer = lambda *_: False
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Its host and port."""
        return urlsplit(self.url).netloc

    def listed(self) -> list[dict[str, Any]]:
        """The files as the Hub lists them."""
        found: list[dict[str, Any]] = []
        for path, body in self.files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()
            one: dict[str, Any] = {"rfilename": path, "size": len(body), "blobId": blob}
            if path.endswith(".safetensors"):
                one["lfs"] = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 130}
            found.append(one)
        return found

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One answer."""
        path = unquote(urlsplit(handler.path).path)
        self.asked.append(Asked(handler.path, dict(handler.headers)))
        if self.lies(self, handler, path):
            return
        if path.startswith("/api/models/"):
            body = {"id": REPOSITORY, "sha": SHA, "pipeline_tag": TASK, "siblings": self.listed()} | self.said
            send(handler, json.dumps(body).encode(), {"X-Repo-Commit": SHA})
        elif (name := path.partition(f"/resolve/{SHA}/")[2]) in self.files:
            send(handler, self.files[name], {"X-Repo-Commit": SHA})
        else:
            send(handler, b"{}", {}, status=404)


def send(
    handler: BaseHTTPRequestHandler, body: bytes, headers: Mapping[str, str] | None = None, *, status: int = 200
) -> bool:
    """Answer with this, by the range that was asked for."""
    wanted = handler.headers.get("Range")
    told = dict(headers or {})
    if wanted is not None and status == 200:
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        told["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        body, status = body[start:], 206
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **told}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
    return True


class Answering(Protocol):
    """What answers each request, and is told its own address."""

    url: str

    def answer(self, handler: BaseHTTPRequestHandler, /) -> None:
        """Answer one GET."""


Server = TypeVar("Server", bound=Answering)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server, for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(ConnectionError):  # whoever waits no longer closes the connection
                server.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with listening(Handler) as server.url:
        yield server
