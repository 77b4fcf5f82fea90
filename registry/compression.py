"""Text, HTML and JSON are compressed by zstd or gzip; files, byte ranges and event streams go out as they are.

BREACH: the length of a compressed answer tells about a secret in it when the answer also repeats what an attacker
chose. Only answers to GET and HEAD are compressed, so no new token is, and the one secret of a page, its CSRF token, is
written under a new random mask each time (`Doorkeeper.csrf_token`).
"""

from __future__ import annotations

import zlib
from typing import Protocol

import zstandard
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST = 1000
"""Bytes of a body that are worth it."""
ZSTD_LEVEL, GZIP_LEVEL = 3, 5
METHODS = frozenset({"GET", "HEAD"})
_GZIP_WINDOW = 31
"""That of zlib with the header of gzip."""
_TEXT = ("text/", "application/json", "application/problem+json", "application/xml", "image/svg+xml")
_STREAM = "text/event-stream"


class Compressor(Protocol):
    """What zlib and zstandard give."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class Compression:
    """Compresses what `app` answers for clients that accept it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and scope["method"] in METHODS:
            coding = chosen(Headers(scope=scope).get("accept-encoding", ""))
            await self._app(scope, receive, _Answer(send, coding))
        else:
            await self._app(scope, receive, send)


def chosen(accepted: str) -> str:
    """The coding to use for an `Accept-Encoding` header (RFC 9110 section 12.5.3): `zstd`, `gzip` or none, as ""."""
    if not accepted:
        return ""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        try:
            weights[name.strip()] = float(parameter.partition("=")[2]) if "q" in parameter else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    return max(("zstd", "gzip"), key=lambda name: weights.get(name, 0.0)) if _accepts(weights) else ""


def _accepts(weights: dict[str, float]) -> bool:
    return any(weights.get(name, 0.0) > 0 for name in ("zstd", "gzip"))


class _Answer:
    """Passes an answer on; its beginning waits for the first piece of the body, whose size decides."""

    def __init__(self, send: Send, coding: str) -> None:
        self._send, self._coding = send, coding
        self._start: Message | None = None
        self._compressor: Compressor | None = None

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start" and _is_text(message):
            self._start = message
        elif kind == "http.response.body" and self._start is not None:
            await self._begin(self._start, message)
        elif kind == "http.response.body" and self._compressor is not None:
            await self._send(_compressed(self._compressor, message))
        else:
            await self._send(message)

    async def _begin(self, start: Message, message: Message) -> None:
        self._start = None
        headers, more = MutableHeaders(raw=start["headers"]), message.get("more_body", False)
        headers.add_vary_header("Accept-Encoding")
        if self._coding and (more or len(message.get("body", b"")) >= LEAST):
            self._compressor = _compressor(self._coding, -1 if more else len(message["body"]))
            message = _compressed(self._compressor, message)
            headers["Content-Encoding"] = self._coding
            if more:
                del headers["Content-Length"]
            else:
                headers["Content-Length"] = str(len(message["body"]))
        await self._send(start)
        await self._send(message)


def _is_text(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    media = headers.get("content-type", "")
    whole = start["status"] != 206 and "content-encoding" not in headers
    return whole and media.startswith(_TEXT) and not media.startswith(_STREAM)


def _compressor(coding: str, size: int) -> Compressor:
    """`size` is that of the whole body; -1 where it is not known yet."""
    if coding == "zstd":
        return zstandard.ZstdCompressor(ZSTD_LEVEL).compressobj(size)
    return zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)


def _compressed(compressor: Compressor, message: Message) -> Message:
    body = compressor.compress(message.get("body", b""))
    return {**message, "body": body if message.get("more_body", False) else body + compressor.flush()}
