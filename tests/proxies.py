"""A reverse proxy that buffers: it holds each request and each answer until it has all of it, as many do by default."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.listening import listening

_OWN = {"connection", "transfer-encoding", "content-length", "host"}


@dataclass
class Proxy:
    """Where it listens; the largest body that it passes on, and what it passed on."""

    most: int
    url: str = ""
    passed: list[tuple[str, int]] = field(default_factory=list)
    """Method and bytes of each body."""


@contextmanager
def buffering(server: str, *, most: int = 10 * 1024**2, seconds: float = 5.0) -> Iterator[Proxy]:
    """A proxy before `server`, which gives an answer up that is not whole after `seconds` (504), as proxies do."""
    proxy = Proxy(most)

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > proxy.most:
                self._answer(413, {"Content-Type": "text/html"}, b"<h1>413 Request Entity Too Large</h1>")
                return
            body = self.rfile.read(length)
            proxy.passed.append((self.command, len(body)))
            own = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
            connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=seconds)
            try:
                connection.request(self.command, self.path, body or None, own)
                answer = connection.getresponse()
                whole = answer.read()
            except TimeoutError:
                self._answer(504, {"Content-Type": "text/html"}, b"<h1>504 Gateway Time-out</h1>")
                return
            finally:
                connection.close()
            self._answer(answer.status, {n: v for n, v in answer.getheaders() if n.lower() not in _OWN}, whole)

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            with suppress(ConnectionError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.pass_on)
    with listening(Handler) as proxy.url:
        yield proxy
