"""The verbs of uploads over HTTP, and what goes up ahead of a request: large files in pieces, small ones joined.

Nothing is written down on this machine: an object is found again by its SHA-256, so an upload that broke off goes on
where it was whenever the same files are sent again. Memory: one piece at a time, however large the files are.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from lineage import Digest
from registry.client.transport.connection import LONG, Connection
from registry.client.transport.downloads import Watch
from registry.client.transport.uploads import Part, exactly, opened, upload
from registry.domain.drafts.uploads import MAX_ASKED, Announced, SentFile, Standing
from registry.domain.names import Reference
from registry.errors import ConflictError, NotRemoteError, UsageError

T = TypeVar("T")
_Inside = tuple[str, int, Digest, int]
"""The path of a small file, its size and digest, and where it begins in its object."""
INLINE = 8 * 1024**2
"""An upload of so many bytes goes with its request: sending it again costs less than asking first."""
PIECE = 8 * 1024**2
"""Bytes of a piece: what is lost when the connection breaks off."""
SMALL, JOINED = 1024**2, 64 * 1024**2
"""Files of less than `SMALL` bytes are sent together, in objects of about `JOINED` bytes."""


@dataclass(frozen=True, slots=True)
class RemoteUploads:
    """Implements `UploadVerbs`."""

    server: Connection

    def standing(self, target: Reference, objects: Sequence[Announced]) -> Sequence[Standing]:
        return self.server.send(
            tuple[Standing, ...], "POST", _at(target), {"objects": [_told(one) for one in objects]}, seconds=LONG
        )

    def append(self, target: Reference, announced: Announced, offset: int, piece: BinaryIO) -> Standing:
        """The piece is sent again where the connection breaks off: a second one is refused by its offset."""
        body = piece.read()
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        headers = {
            "Content-Type": "application/partial-upload",
            "Content-Digest": f"sha-256=:{digest}:",
            "Upload-Offset": str(offset),
        }
        where = f"{_at(target)}/{announced.sha256.hex}"
        answer = self.server.request(
            "PATCH", where, content=body, params={"size": announced.size}, headers=headers, seconds=LONG
        )
        return self.server.read(Standing, answer)

    def discard(self, target: Reference, sha256: Digest) -> None:
        self.server.change("DELETE", f"{_at(target)}/{sha256.hex}")

    def lay_out(self, target: Reference, files: Sequence[SentFile], folder: Path) -> None:  # noqa: ARG002 - the verb's own signature
        raise _of_server()

    def end(self, target: Reference, files: Iterable[SentFile]) -> None:  # noqa: ARG002 - as above
        raise _of_server()


def _at(target: Reference) -> str:
    return f"/{target.kind}/{target.name}/uploads"


def _told(one: Announced) -> dict[str, object]:
    return {"sha256": one.sha256, "size": one.size}


def _of_server() -> NotRemoteError:
    return NotRemoteError("What was sent in pieces is put together by the server, when a version is made of it")


@dataclass(slots=True)
class _Object:
    """What goes up as one: a file, or small ones one after the other."""

    parts: list[Part] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    hashed: Any = field(default_factory=hashlib.sha256)

    @property
    def announced(self) -> Announced:
        return Announced(Digest(self.hashed.hexdigest()), sum(self.sizes))

    def read(self, offset: int, length: int) -> bytes:
        """So many bytes from `offset` on, or what is left. Raises: UsageError where a file became shorter."""
        piece, begin = bytearray(), 0
        for part, size in zip(self.parts, self.sizes, strict=True):
            start, wanted = max(offset + len(piece) - begin, 0), length - len(piece)
            if wanted and start < size:
                with opened(part) as stream:
                    stream.seek(start)
                    come = stream.read(min(wanted, size - start))
                if len(come) < min(wanted, size - start):
                    raise UsageError(
                        f"{part.file} became shorter while it was sent", remedy="Send it when nothing writes to it"
                    )
                piece += come
            begin += size
        return bytes(piece)


def send_ahead(
    server: Connection, target: Reference, parts: Sequence[Part], *, watch: Watch | None = None
) -> Sequence[SentFile] | None:
    """Send all files in pieces, but for what the server has; None where they are so few bytes that nothing is sent.

    Raises: as `Connection.request`; UsageError when a file changes while it is sent.
    """
    if sum(part.file.stat().st_size for part in parts) <= INLINE:
        return None
    uploads, files, objects = RemoteUploads(server), list[SentFile](), list[_Object]()
    for one, mine in _objects(parts):
        objects += [] if one is None else [one]
        files += mine
    for first in range(0, len(objects), MAX_ASKED):
        some = objects[first : first + MAX_ASKED]
        standing = uploads.standing(target, [one.announced for one in some])
        for one, here in zip(some, standing, strict=True):
            _send(uploads, target, one, here, watch)
    return files


def _send(uploads: RemoteUploads, target: Reference, one: _Object, here: Standing, watch: Watch | None) -> None:
    while not here.whole:
        body = one.read(here.offset, PIECE)
        try:
            now = uploads.append(target, one.announced, here.offset, io.BytesIO(body))
        except ConflictError as error:
            offset = error.facts.get("offset")
            if not isinstance(offset, int) or offset == here.offset:
                raise
            here = Standing(here.sha256, here.size, offset)  # another attempt, or another program, was faster
            continue
        if watch is not None:
            watch(len(body))
        here = now


def upload_to(
    server: Connection,
    kind: type[T],
    target: Reference,
    details: object,
    parts: Sequence[Part],
    *,
    where: str = "",
    headers: Mapping[str, str] | None = None,
    watch: Watch | None = None,
) -> T:
    """Make the next version of `target` of these files; the answer as a value of type `kind`.

    `where` is the address of the upload; empty: that of the versions of `target`. Raises: as `send_ahead` and `upload`.
    """
    sent = send_ahead(server, target, parts, watch=watch)
    where = where or f"/{target.kind}/{target.name}/versions"
    if sent is None:
        return upload(server, kind, where, details, parts, headers=headers, watch=watch)
    return upload(server, kind, where, details, (), sent=sent, headers=headers)


def _objects(parts: Sequence[Part]) -> Iterator[tuple[_Object | None, Sequence[SentFile]]]:
    """What is to be sent, each with the files that are in it; None for files without a byte. Each file is read once."""
    joined, inside = _Object(), list[_Inside]()
    for part in parts:
        size = part.file.stat().st_size
        if size >= SMALL:
            alone = _Object([part], [size])
            yield alone, [SentFile(part.path, size, _hash(part, size, alone.hashed))]
        elif size == 0:
            yield None, [SentFile(part.path, 0, Digest.of(b""))]
        else:
            start = sum(joined.sizes)
            inside.append((part.path, size, _hash(part, size, joined.hashed, hashlib.sha256()), start))
            joined.parts.append(part)
            joined.sizes.append(size)
            if start + size >= JOINED:
                yield joined, _within(joined, inside)
                joined, inside = _Object(), []
    if inside:
        yield joined, _within(joined, inside)


def _within(joined: _Object, inside: Sequence[_Inside]) -> Sequence[SentFile]:
    whole = joined.announced.sha256
    return [SentFile(path, size, digest, whole, start) for path, size, digest, start in inside]


def _hash(part: Part, size: int, *hashes: Any) -> Digest:
    """Feed `size` bytes of a file to each of `hashes`; the digest of the last one."""
    with opened(part) as stream:
        for chunk in exactly(stream, size, part):
            for one in hashes:
                one.update(chunk)
    return Digest(hashes[-1].hexdigest())
