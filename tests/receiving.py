"""A receiver of webhooks: a real HTTP server on this machine that answers as it is told and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
HANG = 0
"""As a status: it reads the request and answers nothing."""


@dataclass(frozen=True, slots=True)
class Got:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """What it answers, one status after the other and then the last for ever; and what came."""

    statuses: Sequence[int]
    headers: Mapping[str, str]
    reply: Callable[[bytes], bytes] = lambda _: b""
    """By what was sent, the body of the answer."""
    url: str = ""
    got: list[Got] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    came: threading.Event = field(default_factory=threading.Event)

    def next_status(self) -> int:
        return self.statuses[min(len(self.got), len(self.statuses)) - 1]


@contextmanager
def receiving(
    *statuses: int, headers: Mapping[str, str] | None = None, reply: Callable[[bytes], bytes] = lambda _: b""
) -> Iterator[Receiver]:
    """A receiver in a thread of this process."""
    receiver = Receiver(statuses or (204,), headers or {}, reply)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(Got(self.path, dict(self.headers), body))
            receiver.came.set()
            status = receiver.next_status()
            if status == HANG:
                receiver.done.wait(30)
                return
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            content = receiver.reply(body)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever waits no longer closes the connection."""

    with Server((HOST, 0), Handler) as server:
        receiver.url = f"http://{HOST}:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.done.set()
            server.shutdown()
            thread.join()
