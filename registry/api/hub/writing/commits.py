"""Commits: newline-delimited JSON, read line by line; small files come in it, of large ones only their digests."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from lineage import Digest, LineageError
from registry.domain.drafts.drafts import Commit
from registry.domain.manifests import FileEntry, check_path
from registry.errors import TooLargeError, UsageError

SMALL = 256 * 1024
"""Bytes of a file up to which it is sent in the commit itself."""
MAX_LINE = 4 * 1024**2
"""Bytes of one line: one small file in base64, and its path."""
MAX_LINES = 20_000
MAX_CONTENT = 512 * 1024**2
"""Bytes of all small files of one commit."""


class _Reader:
    """Collects what the lines of a commit say; small files go to `folder` at once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.size = folder, 0
        self.message = ""
        self.parent: str | None = None
        self.written: dict[str, Path] = {}
        self.sent: list[FileEntry] = []
        self.deleted: list[str] = []
        self.emptied: list[str] = []

    def line(self, raw: bytes) -> None:
        """Take one line. Raises: UsageError, InvalidError, TooLargeError."""
        try:
            said = json.loads(raw)
            self._take(said["key"], said["value"])
        except (ValueError, RecursionError, TypeError, KeyError, LineageError) as error:
            raise UsageError("A line of the commit cannot be read", facts={"reason": str(error)[:200]}) from error

    def _take(self, key: str, value: dict[str, Any]) -> None:
        match key:
            case "header":
                self.message, self.parent = str(value.get("summary") or ""), value.get("parentCommit") or None
            case "file":
                self._write(check_path(str(value["path"])), str(value["content"]), value.get("encoding", "utf-8"))
            case "lfsFile":
                self.sent.append(FileEntry(str(value["path"]), int(value["size"]), Digest(str(value["oid"]))))
            case "deletedFile":
                self.deleted.append(check_path(str(value["path"])))
            case "deletedFolder":
                self.emptied.append(check_path(str(value["path"]).strip("/")))
            case _:
                raise UsageError(f"A commit has no line {key!r}"[:200], remedy="Files are added and deleted, not more")

    def _write(self, path: str, content: str, encoding: str) -> None:
        body = base64.b64decode(content, validate=True) if encoding == "base64" else content.encode()
        self.size += len(body)
        if self.size > MAX_CONTENT:
            raise TooLargeError(f"The small files of a commit are more than {MAX_CONTENT:,} bytes")
        target = self.folder / f"{len(self.written):06d}"
        target.write_bytes(body)
        self.written[path] = target

    def commit(self) -> Commit:
        """All of it."""
        return Commit(
            self.message, self.parent, self.written, tuple(self.sent), tuple(self.deleted), tuple(self.emptied)
        )


async def read_commit(request: Request, folder: Path) -> Commit:
    """The commit in the body; its small files lie in `folder`. Raises: UsageError, InvalidError, TooLargeError."""
    reader, lines = _Reader(folder), 0
    async for raw in _lines(request):
        lines += 1
        if lines > MAX_LINES:
            raise TooLargeError(f"A commit has {MAX_LINES:,} lines at most", remedy="Make several commits")
        if raw.strip():
            await run_in_threadpool(reader.line, raw)
    return reader.commit()


async def _lines(request: Request) -> AsyncIterator[bytes]:
    rest = bytearray()
    try:
        async for chunk in request.stream():
            rest += chunk
            *whole, last = rest.split(b"\n") if b"\n" in chunk else (rest,)
            rest = bytearray(last)
            if len(rest) > MAX_LINE:
                raise TooLargeError(
                    f"A line of the commit is larger than {MAX_LINE:,} bytes",
                    remedy="Send large files as the answer to preupload says",
                )
            for one in whole:
                yield bytes(one)
    except ClientDisconnect as error:
        raise UsageError("The commit was cut short: the connection was closed") from error
    yield bytes(rest)
