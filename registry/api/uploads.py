"""Uploads: multipart bodies streamed to a folder of the server's own, capped, with every path checked.

Parts with a file name are files: the name is the file's relative path in the upload. The part called `details` holds
JSON, and so does the part `sent`: files whose bytes came before, in pieces. Bytes go to files that the server names;
only when the whole body has been read and every path is clean are they moved to the paths that the sender named, inside
a new folder that is removed when the request is over.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from lineage import Digest
from registry.api.digests import Digests
from registry.api.gathering import gathered
from registry.api.repeats import begin
from registry.api.wire import UPLOAD, read_json
from registry.domain.codec import from_json
from registry.domain.drafts.uploads import POINTERS, SentFile
from registry.domain.manifests import check_path
from registry.domain.names import Reference
from registry.domain.verbs.registry import Registry
from registry.errors import NoSpaceError, TooLargeError, UnsafeArtifactError, UsageError
from registry.files import private_folder, sweep_folders

UPLOADS = "uploads"
"""The folder in the registry folder that uploads are received in."""
MAX_FILES = 100_000
MAX_DETAILS, MAX_SENT = 1024**2, 32 * 1024**2
LONGEST = {"details": MAX_DETAILS, "sent": MAX_SENT}
"""Bytes of the parts that are no files."""
MAX_BOUNDARY = 70
"""RFC 2046 section 5.1.1."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What came: `source` is the one file, or the folder of all; `details` is the JSON beside them."""

    source: Path
    files: Mapping[str, Path]
    details: Any
    sent: tuple[SentFile, ...] = ()
    """Those of the files that came before, each checked by its digest."""

    def digest(self) -> Digest:
        """One for the same details and files, however they were divided into parts."""
        told, known = [json.dumps(self.details, sort_keys=True)], {one.path: one.sha256.hex for one in self.sent}
        for path, part in sorted(self.files.items()):
            if path in known:
                told += [path, known[path]]
                continue
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
    name: str = ""
    text: bytearray | None = None
    digests: Digests | None = None


class _Receiver:
    """Turns multipart events into files in `folder`. Refuses at once what can never be right."""

    def __init__(self, folder: Path, boundary: bytes, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self.size = 0
        self.files: dict[str, Path] = {}
        self.texts: dict[str, bytes] = {}
        """The parts that are no files."""
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
        field_name, path = options.get(b"name", b"").decode("latin-1"), options.get(b"filename")
        if path is None:
            if field_name not in LONGEST or field_name in self.texts:
                raise UsageError("An upload holds one part `details` and files", remedy="Send nothing else")
            self.part.name, self.part.text = field_name, bytearray()
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
            self.part.sink.write(memoryview(data)[start:end])
        elif self.part.text is not None:
            self.part.text += data[start:end]
            if len(self.part.text) > LONGEST[self.part.name]:
                raise TooLargeError(f"The {self.part.name} are larger than {LONGEST[self.part.name]:,} bytes")

    def _end(self) -> None:
        if self.part.digests is not None:
            self.part.digests.check(f"part {self.part.path or self.part.name!r}")
        if self.part.sink is not None:
            self.part.sink.close()
        elif self.part.text is not None:
            self.texts[self.part.name] = bytes(self.part.text)

    def _finish(self) -> None:
        self.ended = True


def too_large(limit: int) -> TooLargeError:
    """What an upload over the limit is answered with."""
    return TooLargeError(f"The upload is larger than {limit:,} bytes", remedy="FOREBEAR_MAX_UPLOAD sets the limit")


@asynccontextmanager
async def received(
    request: Request, registry: Registry | None = None, target: Reference | Callable[[Any], Reference] | None = None
) -> AsyncIterator[Upload]:
    """The upload in `request`, on disk for as long as the block runs; nothing of it stays afterwards.

    Files that `registry` was sent in pieces for the `target` are laid out beside those of the body; where the block
    ends without an error, their pieces are let go. A target that only the details name is a function of those.

    Raises: UsageError for what is not multipart, InvalidError for paths that are not clean, UnsafeArtifactError for a
    pointer to elsewhere, TooLargeError over the settings' `max_upload` bytes, NoSpaceError; what `UploadVerbs.lay_out`
    raises.
    """
    home, limit = request.app.state.home, request.app.state.settings.max_upload
    with ExitStack() as stack:
        folder = await run_in_threadpool(stack.enter_context, private_folder(home / UPLOADS))
        try:
            receiver = await _receive(request, folder / "parts", limit)
            sent = _sent(receiver, limit)
            if sent and (registry is None or target is None):
                raise UsageError("The files of this upload are sent with it", remedy="Send each file as a part")
            upload = await run_in_threadpool(_settle, receiver, folder / "tree", sent)
            if "idempotency-key" in request.headers:  # before: once it was carried out, the pieces are gone
                await begin(request, await run_in_threadpool(upload.digest))
            of = target(upload.details) if callable(target) else target
            if sent and registry is not None and of is not None:
                await run_in_threadpool(registry.uploads.lay_out, of, sent, folder / "tree")
            yield upload
            if sent and registry is not None and of is not None:
                await run_in_threadpool(registry.uploads.end, of, sent)
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
        async for chunk in gathered(request.stream()):
            await run_in_threadpool(receiver.feed, chunk)
    except ClientDisconnect as error:
        raise UsageError("The upload was cut short: the connection was closed") from error
    finally:
        receiver.close()
    if not receiver.ended:
        raise UsageError("The upload ends before its last boundary: it was cut short")
    return receiver


def _sent(receiver: _Receiver, limit: int) -> tuple[SentFile, ...]:
    """The files that came before, as the part `sent` names them. Raises: InvalidError, UsageError, TooLargeError."""
    raw = receiver.texts.get("sent")
    sent = from_json(tuple[SentFile, ...], read_json(raw, "part `sent`")) if raw else ()
    if len(sent) + len(receiver.files) > MAX_FILES:
        raise TooLargeError(f"An upload holds {MAX_FILES:,} files at most")
    paths = [one.path for one in sent]
    if len({*paths, *receiver.files}) < len(paths) + len(receiver.files):
        raise UsageError("The upload holds a file twice")
    every = {*paths, *receiver.files}
    if any(str(folder) in every for path in paths for folder in PurePosixPath(path).parents):
        raise UsageError("The upload holds a path as a file and as a folder at once")
    if receiver.size + sum(one.size for one in sent) > limit:
        raise too_large(limit)
    return sent


def _settle(receiver: _Receiver, tree: Path, sent: Sequence[SentFile]) -> Upload:
    """Move the parts to the paths that the sender named. A single file without folders is a source by itself."""
    if not receiver.files and not sent:
        raise UsageError("The upload holds no file")
    tree.mkdir()
    placed = {one.path: tree / one.path for one in sent}
    for path, part in receiver.files.items():
        target = tree / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part.rename(target)
        except OSError as error:
            raise UsageError(f"{path!r} cannot be a file here: {error.strerror}") from error
        placed[path] = target
    source = next(iter(placed.values())) if len(placed) == 1 and "/" not in next(iter(placed)) else tree
    return Upload(source, placed, read_json(receiver.texts.get("details", b""), "part `details`"), tuple(sent))


def _checked(raw: bytes, *, taken: Mapping[str, Path]) -> str:
    try:
        path = check_path(raw.decode())
    except UnicodeDecodeError as error:
        raise UsageError("A file name of the upload is not UTF-8") from error
    if path in taken:
        raise UsageError(f"The upload holds {path!r} twice")
    if path.lower().endswith(POINTERS):
        raise UnsafeArtifactError(
            f"{path!r} only points to data, so it cannot be uploaded", remedy="Upload the data itself"
        )
    return path
