"""Uploads: multipart bodies streamed to a folder of the server's own, capped, with every path checked.

Parts with a file name are files: the name is the file's relative path in the upload. The part called `details` holds
JSON. Bytes go to files that the server names; only when the whole body has been read and every path is clean are they
moved to the paths that the sender named, inside a new folder that is removed when the request is over.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from lineage import Digest
from registry.api.digests import Digests
from registry.api.repeats import begin
from registry.api.wire import UPLOAD, read_json
from registry.domain.manifests import check_path
from registry.errors import NoSpaceError, TooLargeError, UnsafeArtifactError, UsageError
from registry.files import private_folder, sweep_folders

UPLOADS = "uploads"
"""The folder in the registry folder that uploads are received in."""
MAX_FILES = 100_000
MAX_DETAILS = 1024**2
MAX_BOUNDARY = 70
"""RFC 2046 section 5.1.1."""
FORBIDDEN_SUFFIXES = (".dvc",)
"""Pointers that make the reader fetch from elsewhere: over HTTP only the bytes themselves are taken."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What came: `source` is the one file, or the folder of all; `details` is the JSON beside them."""

    source: Path
    files: Mapping[str, Path]
    details: Any

    def digest(self) -> Digest:
        """One for the same details and files, however they were divided into parts."""
        told = [json.dumps(self.details, sort_keys=True)]
        for path, part in sorted(self.files.items()):
            with part.open("rb") as stream:
                told += [path, hashlib.file_digest(stream, "sha256").hexdigest()]
        return Digest.of(json.dumps(told).encode())


@dataclass(slots=True)
class _Part:
    """The part that is being read."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    header_name: bytes = b""
    header_value: bytes = b""
    sink: IO[bytes] | None = None
    path: str = ""
    details: bytearray | None = None
    digests: Digests | None = None


class _Receiver:
    """Turns multipart events into files in `folder`. Refuses at once what can never be right."""

    def __init__(self, folder: Path, boundary: bytes, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self.size = 0
        self.files: dict[str, Path] = {}
        self.details: bytes | None = None
        self.part = _Part()
        self.ended = False
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._opened,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises: TooLargeError, NoSpaceError, UsageError."""
        self.size += len(chunk)
        if self.size > self.limit:
            raise too_large(self.limit)
        try:
            self.parser.write(chunk)
        except FormParserError as error:
            raise UsageError(f"The multipart body cannot be read: {error}") from error
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise NoSpaceError("The disk is full; nothing of the upload was kept") from error
            raise

    def close(self) -> None:
        """Let go of the file that was being written."""
        if self.part.sink is not None:
            self.part.sink.close()

    def _begin(self) -> None:
        self.part = _Part()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self.part.header_name += data[start:end].lower()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self.part.header_value += data[start:end]

    def _header_end(self) -> None:
        self.part.headers[self.part.header_name] = self.part.header_value
        self.part.header_name = self.part.header_value = b""

    def _opened(self) -> None:
        _, options = parse_options_header(self.part.headers.get(b"content-disposition", b""))
        told = self.part.headers.get(b"content-digest")
        self.part.digests = Digests.parse(None if told is None else told.decode("latin-1"))
        field_name, path = options.get(b"name", b""), options.get(b"filename")
        if path is None:
            if field_name != b"details" or self.details is not None:
                raise UsageError("An upload holds one part `details` and files", remedy="Send nothing else")
            self.part.details = bytearray()
            return
        clean = _checked(path, taken=self.files)
        if len(self.files) >= MAX_FILES:
            raise TooLargeError(f"An upload holds {MAX_FILES:,} files at most")
        target = self.folder / f"{len(self.files):06d}"
        self.files[clean] = target
        self.part.path = clean
        self.part.sink = target.open("xb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self.part.digests is not None:
            self.part.digests.feed(data[start:end])
        if self.part.sink is not None:
            self.part.sink.write(data[start:end])
        elif self.part.details is not None:
            self.part.details += data[start:end]
            if len(self.part.details) > MAX_DETAILS:
                raise TooLargeError(f"The details are larger than {MAX_DETAILS:,} bytes")

    def _end(self) -> None:
        if self.part.digests is not None:
            self.part.digests.check(f"part {self.part.path or 'details'!r}")
        if self.part.sink is not None:
            self.part.sink.close()
        elif self.part.details is not None:
            self.details = bytes(self.part.details)

    def _finish(self) -> None:
        self.ended = True


def too_large(limit: int) -> TooLargeError:
    """What an upload over the limit is answered with."""
    return TooLargeError(f"The upload is larger than {limit:,} bytes", remedy="FOREBEAR_MAX_UPLOAD sets the limit")


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[Upload]:
    """The upload in `request`, on disk for as long as the block runs; nothing of it stays afterwards.

    Raises: UsageError for what is not multipart, InvalidError for a path that is not clean, UnsafeArtifactError for a
    pointer to elsewhere, TooLargeError over the settings' `max_upload` bytes, NoSpaceError.
    """
    home, limit = request.app.state.home, request.app.state.settings.max_upload
    with ExitStack() as stack:
        folder = await run_in_threadpool(stack.enter_context, private_folder(home / UPLOADS))
        try:
            receiver = await _receive(request, folder / "parts", limit)
            upload = await run_in_threadpool(_settle, receiver, folder / "tree")
            if "idempotency-key" in request.headers:
                await begin(request, await run_in_threadpool(upload.digest))
            yield upload
        finally:
            await run_in_threadpool(stack.close)


def sweep(home: Path) -> None:
    """Remove what uploads left behind when a server was killed."""
    sweep_folders(home / UPLOADS)


async def _receive(request: Request, folder: Path, limit: int) -> _Receiver:
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != UPLOAD.encode() or not boundary:
        raise UsageError("An upload is multipart/form-data", remedy="Send each file as a part with its relative path")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large(limit)
    folder.mkdir()
    if len(boundary) > MAX_BOUNDARY:
        raise UsageError(f"A boundary is longer than {MAX_BOUNDARY} bytes")
    receiver = _Receiver(folder, boundary, limit)
    try:
        async for chunk in request.stream():
            await run_in_threadpool(receiver.feed, chunk)
    except ClientDisconnect as error:
        raise UsageError("The upload was cut short: the connection was closed") from error
    finally:
        receiver.close()
    if not receiver.ended:
        raise UsageError("The upload ends before its last boundary: it was cut short")
    return receiver


def _settle(receiver: _Receiver, tree: Path) -> Upload:
    """Move the parts to the paths that the sender named. A single file without folders is a source by itself."""
    if not receiver.files:
        raise UsageError("The upload holds no file")
    tree.mkdir()
    placed: dict[str, Path] = {}
    for path, part in receiver.files.items():
        target = tree / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part.rename(target)
        except OSError as error:
            raise UsageError(f"{path!r} cannot be a file here: {error.strerror}") from error
        placed[path] = target
    source = next(iter(placed.values())) if len(placed) == 1 and "/" not in next(iter(placed)) else tree
    return Upload(source, placed, read_json(receiver.details or b"", "part `details`"))


def _checked(raw: bytes, *, taken: Mapping[str, Path]) -> str:
    try:
        path = check_path(raw.decode())
    except UnicodeDecodeError as error:
        raise UsageError("A file name of the upload is not UTF-8") from error
    if path in taken:
        raise UsageError(f"The upload holds {path!r} twice")
    if path.lower().endswith(FORBIDDEN_SUFFIXES):
        raise UnsafeArtifactError(
            f"{path!r} only points to data, so it cannot be uploaded", remedy="Upload the data itself"
        )
    return path
