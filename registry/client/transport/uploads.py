"""Uploads: the files of a source as one multipart body, read from disk as it is sent, each part with its digest.

Memory: one chunk at a time, however large the files are.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, TypeVar

from registry.client.transport.connection import LONG, Connection
from registry.client.transport.downloads import Watch
from registry.domain.codec import to_json
from registry.domain.drafts.uploads import SentFile
from registry.domain.manifests import check_path
from registry.errors import InvalidError, NotFoundError, UsageError
from registry.folders import error_of_disk

T = TypeVar("T")
CHUNK = 1024**2


@dataclass(frozen=True, slots=True)
class Part:
    """One file to upload: its relative path in the upload, and where it lies."""

    path: str
    file: Path


def parts_of(source: Path) -> tuple[Part, ...]:
    """The file, or the files in the folder, `source`, without hidden ones, as importers leave them out.

    Raises: InvalidError for a link or a special file, or for a path that no version may have; NotFoundError.
    """
    if source.is_file():
        return (Part(check_path(source.name), source),)
    found = []
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if any(part.startswith(".") for part in name.parts):
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InvalidError(f"{str(name)!r} is a link or a special file", remedy="Give regular files only")
        if path.is_file():
            found.append(Part(check_path(name.as_posix()), path))
    if not found:
        raise NotFoundError(f"There is no file in {str(source)!r}", remedy="Check the path")
    return tuple(found)


def upload(
    server: Connection,
    kind: type[T],
    path: str,
    details: object,
    parts: Sequence[Part],
    *,
    sent: Sequence[SentFile] = (),
    headers: Mapping[str, str] | None = None,
    seconds: float = LONG,
    watch: Watch | None = None,
) -> T:
    """Send the files with `details`; the answer as a value of type `kind`. Tried again from the start if it breaks off.

    `sent` are files whose bytes the server has.
    Raises: as `Connection.request`; UsageError when a file changes while it is sent.
    """
    boundary = token_hex(16)
    heads = [_head(boundary, part) for part in parts]
    texts = {"details": details} | ({"sent": tuple(sent)} if sent else {})
    opening = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        + json.dumps(to_json(value)).encode()
        + b"\r\n"
        for name, value in texts.items()
    )
    closing = f"--{boundary}--\r\n".encode()
    sizes = [part.file.stat().st_size for part in parts]
    total = len(opening) + sum(len(head) for head in heads) + sum(sizes) + 2 * len(parts) + len(closing)

    def body() -> Iterator[bytes]:
        yield opening
        for part, head, size in zip(parts, heads, sizes, strict=True):
            yield head
            with opened(part) as stream:
                for chunk in exactly(stream, size, part):
                    yield chunk
                    if watch is not None:
                        watch(len(chunk))
            yield b"\r\n"
        yield closing

    own = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(total)}
    own |= headers or {}
    return server.read(kind, server.request("POST", path, content=body, headers=own, seconds=seconds, changes=True))


def _head(boundary: str, part: Part) -> bytes:
    with opened(part) as stream:
        digest = base64.b64encode(hashlib.file_digest(stream, "sha256").digest()).decode()
    name = part.path.replace('"', '\\"')  # a path holds no backslash
    lines: Mapping[str, str] = {
        "Content-Disposition": f'form-data; name="file"; filename="{name}"',
        "Content-Type": "application/octet-stream",
        "Content-Digest": f"sha-256=:{digest}:",
    }
    return f"--{boundary}\r\n".encode() + b"".join(f"{k}: {v}\r\n".encode() for k, v in lines.items()) + b"\r\n"


def opened(part: Part) -> BufferedReader:
    """The file of a part. Raises: UnavailableError where it cannot be read."""
    try:
        return part.file.open("rb")
    except OSError as error:
        raise error_of_disk(error, f"{part.file} cannot be read") from error


def exactly(stream: BinaryIO, size: int, part: Part) -> Iterator[bytes]:
    """So many bytes, a chunk at a time. Raises: UsageError where there are fewer."""
    left = size
    while left and (chunk := stream.read(min(CHUNK, left))):
        left -= len(chunk)
        yield chunk
    if left:
        raise UsageError(f"{part.file} became shorter while it was sent", remedy="Send it when nothing writes to it")
