"""Downloads: the bytes of one file, whole or by range (RFC 9110 section 14), never shown by a browser."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, cast
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from registry.api.conditions import tags_in, weakly
from registry.api.digests import written
from registry.domain.catalog.models import VersionDetail
from registry.domain.catalog.statuses import Use, notice
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.manifests import FileEntry
from registry.domain.names import Reference, no_file
from registry.domain.verbs.registry import Registry
from registry.errors import RefusedError
from registry.ports.blobs import FileStream

log = logging.getLogger("forebear.server")
CHUNK = 1024**2
STRETCH = 16 * CHUNK
"""Bytes that the kernel is given to send at a time: what goes out at most after a recall."""
EXTENSION = "http.response.zerocopysend"
"""The extension of ASGI by which our server sends files (`registry/connections.py`)."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, length) that a `Range` header asks for, or None where the whole file is the right answer.

    Only a single range of bytes is read; others are ignored, as the standard allows. Raises: ValueError when the range
    lies outside the file (416).
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise ValueError("An empty range")
        return size - length, length
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if start >= size:
        raise ValueError("The range starts after the end")
    return None if last and int(last) < start else (start, end - start + 1)


def download_of(
    request: Request, registry: Registry, version: VersionDetail | DatasetVersionDetail, path: str
) -> Response:
    """Stream the file of `version` that its manifest lists as `path`. Raises: NotFoundError, RefusedError.

    For a version that is deprecated or archived, the headers `Forebear-Status` and `Forebear-Status-Reason` (percent-
    encoded UTF-8) say so.
    """
    exact = Reference.to(version.summary.ref)
    entry = next((entry for entry in version.files if entry.path == path), None)
    if entry is None:
        raise no_file(version.summary.ref, path)
    response = download(
        request, entry, lambda start, length: registry.catalog.open_file(exact, entry.path, start=start, length=length)
    )
    status = version.summary.status
    if notice(exact, status, version.status_reason, Use.READ):
        response.headers["Forebear-Status"] = status.value
        response.headers["Forebear-Status-Reason"] = quote(version.status_reason, safe=" ")
        response.headers["Cache-Control"] = "private, no-cache"
    return response


def download(
    request: Request, entry: FileEntry, open_at: Callable[[int, int], BinaryIO], *, tag: str | None = None
) -> Response:
    """Stream `entry`; `open_at(start, length)` gives its bytes. The ETag is the file's digest, so it never lies.

    `tag` is the form of the digest where a protocol wants another than `sha256:…`.
    """
    etag = f'"{tag or entry.sha256}"'
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Repr-Digest": written(bytes.fromhex(entry.sha256.hex)),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(entry.path.rpartition('/')[2], safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=31536000, immutable",
    }
    if weakly(tags_in(request.headers.getlist("if-none-match"))) & {"*", etag}:
        open_at(0, entry.size).close()  # what cannot be downloaded is not confirmed either
        return Response(status_code=304, headers=headers)
    fresh = request.headers.get("if-range") in {None, etag}
    try:
        part = asked_range(request.headers.get("range"), entry.size) if fresh else None
    except ValueError:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{entry.size}"})
    start, length = part or (0, entry.size)
    headers["Content-Length"] = str(length)
    if part:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{entry.size}"
    status = 206 if part else 200
    stream = open_at(start, length)  # also for HEAD, which must not promise what GET cannot give
    if request.method == "HEAD":
        stream.close()
        return Response(status_code=status, headers=headers, media_type="application/octet-stream")
    if isinstance(stream, FileStream) and EXTENSION in request.scope.get("extensions", {}):
        return FileAnswer(stream, status, headers)
    body = _chunks(stream, length)
    return StreamingResponse(body, status, headers, media_type="application/octet-stream")


class FileAnswer(Response):
    """Has the kernel send a file, a stretch at a time; between two of them it is asked whether that still goes."""

    media_type = "application/octet-stream"

    def __init__(self, stream: FileStream, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(None, status, headers)
        self._stream = stream

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it; the stream is closed afterwards."""
        span, sent = self._stream.span, 0
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while sent < span.length:
                count = min(STRETCH, span.length - sent)
                await run_in_threadpool(self._prepare, span.start + sent, count, sent > 0)
                message = {"file": span.file, "offset": span.start + sent, "count": count, "more_body": True}
                await send({"type": EXTENSION, **message})
                sent += count
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            cast("BinaryIO", self._stream).close()

    def _prepare(self, start: int, count: int, asked: bool) -> None:
        """Raises: ClientDisconnect where the version was taken back meanwhile; as `_read`."""
        if asked:
            try:
                self._stream.check()
            except RefusedError as error:
                raise _broken_off(error) from error
        os.posix_fadvise(self._stream.span.file, start, count, os.POSIX_FADV_WILLNEED)  # the loop waits for no disk


def _chunks(stream: BinaryIO, length: int) -> Iterator[bytes]:
    """The body. Where its version is taken back meanwhile, it ends too early, and the connection is closed."""
    with stream:
        while length > 0 and (chunk := _read(stream, min(CHUNK, length))):
            length -= len(chunk)
            yield chunk


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except RefusedError as error:
        raise _broken_off(error) from error


def _broken_off(error: RefusedError) -> ClientDisconnect:
    """The status is sent already: all that is left is to send no more."""
    log.info("A download was broken off: %s", error)
    return ClientDisconnect()
