"""A mail server: a real one on this machine that takes what it is told to take and keeps it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BufferedReader
from pathlib import Path

HOST = "localhost"


@dataclass
class Post:
    """What it answers to each message, one after the other and then the last for ever; and what came."""

    answers: Sequence[str]
    refused: Sequence[str] = ()
    """Addresses that it knows nobody at."""
    context: ssl.SSLContext | None = None
    at_once: bool = False
    """Whether it is encrypted from the first byte; else it offers STARTTLS."""
    hang: bool = False
    """Whether it says nothing at all."""
    port: int = 0
    got: list[tuple[str, EmailMessage]] = field(default_factory=list)
    """To whom, and what."""
    signed_in: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    """Whether the connection of each message was."""
    tried: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def url(self, scheme: str = "smtp", who: str = "") -> str:
        return f"{scheme}://{who}{HOST}:{self.port}"

    def serve(self, connected: socket.socket) -> None:
        """Talk to one client, in a thread of its own."""
        with connected, suppress(OSError):
            if self.hang:
                self.ended.wait(30)
            elif self.context and self.at_once:
                self._encrypted(connected, greeting=b"220 here\r\n")
            else:
                connected.sendall(b"220 here\r\n")
                self._talk(connected)

    def _encrypted(self, connected: socket.socket, greeting: bytes = b"") -> None:
        assert self.context is not None
        with self.context.wrap_socket(connected, server_side=True) as encrypted:
            encrypted.sendall(greeting) if greeting else None
            self._talk(encrypted)

    def _talk(self, connected: socket.socket) -> None:
        secure, to = isinstance(connected, ssl.SSLSocket), ""
        with connected.makefile("rb") as lines:
            while line := lines.readline():
                word, _, rest = line.decode("ascii").strip().partition(" ")
                if word.upper() == "STARTTLS":
                    connected.sendall(b"220 go on\r\n")
                    self._encrypted(connected)
                    return
                to = rest.partition("<")[2].partition(">")[0] if word.upper() == "RCPT" else to
                connected.sendall(self._answer(word.upper(), rest, to, secure=secure))
                if word.upper() == "DATA":
                    connected.sendall(self._take(lines, to, secure=secure))

    def _answer(self, word: str, rest: str, to: str, *, secure: bool) -> bytes:
        if word == "EHLO":
            starttls = b"250-STARTTLS\r\n" if self.context and not secure else b""
            return b"250-here\r\n" + starttls + b"250 AUTH PLAIN\r\n"
        if word == "AUTH":
            self.signed_in.append(rest.partition(" ")[2])
        known = {"DATA": b"354 go on\r\n", "AUTH": b"235 in\r\n", "QUIT": b"221 bye\r\n"}
        return b"550 nobody\r\n" if word == "RCPT" and to in self.refused else known.get(word, b"250 yes\r\n")

    def _take(self, lines: BufferedReader, to: str, *, secure: bool) -> bytes:
        body = bytearray()
        while (part := lines.readline()) not in {b".\r\n", b""}:
            body += part[1:] if part.startswith(b"..") else part
        answer = self.answers[min(self.tried, len(self.answers) - 1)]
        self.tried += 1
        if answer.startswith("2"):
            self.got.append((to, message_from_bytes(bytes(body), policy=policy.default)))
            self.encrypted.append(secure)
        return answer.encode() + b"\r\n"


@contextmanager
def posting(
    *answers: str,
    certificate: Path | None = None,
    at_once: bool = False,
    refused: Sequence[str] = (),
    hang: bool = False,
) -> Iterator[Post]:
    """A mail server in threads of this process; with a `certificate` it is spoken to in TLS."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    post = Post(answers or ("250 taken",), refused, context, at_once, hang)
    talks = list[threading.Thread]()
    with socket.create_server((HOST, 0)) as listener:
        post.port = listener.getsockname()[1]

        def accept() -> None:
            while True:
                connected, _ = listener.accept()
                if post.ended.is_set():
                    connected.close()
                    return
                talks.append(threading.Thread(target=post.serve, args=(connected,), daemon=True))
                talks[-1].start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield post
        finally:
            post.ended.set()
            socket.create_connection((HOST, post.port), 5).close()
            for one in (thread, *talks):
                one.join(5)
