"""Files of versions: read by range, resumed where the connection breaks off, and checked against their digest.

Memory: one chunk at a time, however large the file is.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from lineage import Digest
from registry.client.transport.addresses import file_at
from registry.client.transport.connection import ATTEMPTS, Connection
from registry.domain.manifests import FileEntry
from registry.domain.names import Reference
from registry.errors import DigestMismatchError, ServerUnreachableError
from registry.folders import writing

CHUNK = 1024**2
Watch = Callable[[int], None]
"""Called with the number of bytes that came."""


def chunks(
    server: Connection,
    path: str,
    *,
    start: int = 0,
    length: int | None = None,
    params: Mapping[str, object] | None = None,
) -> Iterator[bytes]:
    """The bytes at `path`, from `start`. Where the connection breaks off, it goes on after the last byte that came.

    It gives up when `ATTEMPTS` in a row brought nothing. Raises: as `Connection.request`.
    """
    come, failed, etag = 0, 0, ""
    while length is None or come < length:
        end = "" if length is None else str(start + length - 1)
        asked = {"Accept-Encoding": "identity"}
        if start + come or length is not None:
            asked["Range"] = f"bytes={start + come}-{end}"
        if come:
            asked["If-Range"] = etag
        try:
            with server.stream(path, params=params, headers=asked) as response:
                if come and response.status_code != 206:
                    raise DigestMismatchError("The file on the server changed while it was read", remedy="Try again")
                etag = response.headers.get("etag", "")
                for chunk in response.iter_raw():  # as they come: what a buffer holds would be lost
                    come, failed = come + len(chunk), 0
                    yield chunk
        except ServerUnreachableError:
            failed += 1
            if failed >= ATTEMPTS:
                raise
            server.pause(failed)
        else:
            return


def download(
    server: Connection, reference: Reference, entry: FileEntry, target: Path, *, watch: Watch | None = None
) -> None:
    """Write a file of a version to `target`, which must not be there.

    Raises: DigestMismatchError for other bytes than the manifest of the version names, NoSpaceError; `target` is then
    for the caller to remove, with the folder that it is in.
    """
    hashed = hashlib.sha256()
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            for chunk in chunks(server, file_at(reference, entry.path)):
                hashed.update(chunk)
                out.write(chunk)
                if out.tell() > entry.size:
                    break  # it can only be another file, and perhaps one without an end
                if watch is not None:
                    watch(len(chunk))
    check(entry, Digest(hashed.hexdigest()), reference)


def check(entry: FileEntry, found: Digest, reference: Reference) -> None:
    """Raises: DigestMismatchError unless `found` is what the manifest says of the file."""
    if found != entry.sha256:
        raise DigestMismatchError(
            f"What came as {entry.path!r} of {reference} does not have its digest",
            remedy="Try again; if it fails again, ask the admin of the server to run forebear store verify",
            facts={"expected": str(entry.sha256), "actual": str(found)},
        )


class RemoteFile(io.RawIOBase):
    """A stream over the bytes of a remote file."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source, self._left, self._stack = source, b"", ExitStack()
        close = getattr(source, "close", None)
        if close is not None:
            self._stack.callback(close)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._left:
            self._left = next(self._source, b"")
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        self._stack.close()
        super().close()


def opened(source: Iterator[bytes]) -> io.BufferedReader:
    """`source` as a stream; its first bytes are asked for at once, so that an error comes now."""
    first = next(source, b"")

    def again() -> Iterator[bytes]:
        if first:
            yield first
        yield from source

    return io.BufferedReader(RemoteFile(again()), CHUNK)
