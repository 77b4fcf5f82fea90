"""Downloads: the bytes of one file, whole or by range (RFC 9110 section 14), never shown by a browser."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse
from starlette.requests import ClientDisconnect, Request

from registry.api.conditions import tags_in, weakly
from registry.api.digests import written
from registry.domain.catalog.models import VersionDetail
from registry.domain.catalog.statuses import Use, notice
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.manifests import FileEntry
from registry.domain.names import Reference, no_file
from registry.domain.verbs.registry import Registry
from registry.errors import RefusedError

log = logging.getLogger("forebear.server")
CHUNK = 1024**2
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
    body = _chunks(stream, length)
    return StreamingResponse(body, status, headers, media_type="application/octet-stream")


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
        log.info("A download was broken off: %s", error)
        raise ClientDisconnect from error  # the status is sent already: all that is left is to send no more
