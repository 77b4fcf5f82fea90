"""Files that MLflow's clients upload before they register a version: a folder per upload, for a day, within a limit.

A person's files are that person's alone and are never given out again. The bytes of one person together stay within
`FOREBEAR_MAX_UPLOAD`; what one process of the server receives is counted while it comes.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from threading import Lock

from starlette.concurrency import run_in_threadpool

from registry.api.mlflow.ledger import NAME as LEDGER
from registry.api.mlflow.ledger import counted, held
from registry.api.uploads import MAX_FILES, too_large
from registry.domain.drafts.uploads import POINTERS
from registry.domain.manifests import check_path
from registry.errors import NotFoundError, TooLargeError, UnsafeArtifactError, UsageError

FOLDER = "mlflow-uploads"
"""The folder in the registry folder that holds them."""
KEPT_SECONDS = 24 * 3600
"""How long an upload is kept that nobody registers."""

SWEPT_SECONDS = 600
"""How often the uploads of everybody are looked at for those that are too old."""


class Staging:
    """The uploads of all people in the registry folder `home`; `limit` is in bytes for one person."""

    def __init__(self, home: Path, limit: int) -> None:
        self._root, self._limit = home / FOLDER, limit
        self._coming: Counter[str] = Counter()
        self._swept = 0.0
        self._lock = Lock()

    async def receive(self, who: str, upload: str, path: str, body: AsyncIterator[bytes]) -> None:
        """Write one file of an upload, which appears whole or not at all.

        Raises: InvalidError for a path that is not clean, UnsafeArtifactError, TooLargeError, UsageError.
        """
        check_path(f"{upload}/{path}")
        if path.lower().endswith(POINTERS):
            raise UnsafeArtifactError(f"{path!r} only points to data", remedy="Upload the data itself")
        own = self._own(who)
        before = await run_in_threadpool(self._prepare, own)
        part, size = own / f".{token_hex(8)}.part", 0
        try:
            with part.open("xb") as out:
                async for chunk in body:
                    with self._lock:
                        self._coming[who] += len(chunk)
                        size += len(chunk)
                        over = before + self._coming[who] > self._limit
                    if over:
                        raise too_large(self._limit)
                    await run_in_threadpool(out.write, chunk)
            await run_in_threadpool(_place, own, part, own / upload / path)
        finally:
            part.unlink(missing_ok=True)
            with self._lock:
                self._coming[who] -= size

    @contextmanager
    def taken(self, who: str, upload: str, below: str) -> Iterator[Path]:
        """The folder `below` of an upload, or its only file, which nobody else can take meanwhile.

        The upload is removed when the block ends, and is there again after an error. Raises: NotFoundError.
        """
        check_path(f"{upload}/{below}" if below else upload)
        own = self._own(who)
        hidden = own / f".{upload}-{token_hex(8)}.taken"
        try:
            (own / upload).rename(hidden)
        except OSError:
            raise NotFoundError(
                f"There is no upload {upload[:120]!r}", remedy="It goes once it is registered, or after a day"
            ) from None
        try:
            source = hidden / below
            if not source.exists():
                raise NotFoundError(f"The upload has no {below[:120]!r}")
            files = [source] if source.is_file() else list(source.iterdir())
            yield files[0] if len(files) == 1 and files[0].is_file() else source
        except BaseException:
            hidden.rename(own / upload)
            raise
        with held(own) as total:
            gone = counted(hidden)
            shutil.rmtree(hidden, ignore_errors=True)
            total.files, total.size = total.files - gone.files, total.size - gone.size

    def sweep(self) -> None:
        """Remove what is older than a day."""
        for own in self._root.glob("*"):
            self._sweep(own)

    def _sweep(self, own: Path) -> None:
        oldest = time.time() - KEPT_SECONDS
        for one in own.glob("*"):
            try:
                old = one.stat().st_mtime < oldest
            except FileNotFoundError:
                continue
            if old and one.is_dir():
                with held(own) as total:
                    gone = counted(one)
                    shutil.rmtree(one, ignore_errors=True)
                    total.files, total.size = total.files - gone.files, total.size - gone.size
            elif old and one.name != LEDGER:
                one.unlink(missing_ok=True)

    def _own(self, who: str) -> Path:
        return self._root / hashlib.sha256(who.encode()).hexdigest()[:32]

    def _prepare(self, own: Path) -> int:
        """The bytes of a person's files that are whole, once the uploads of this person that are too old are gone."""
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        if time.monotonic() - self._swept > SWEPT_SECONDS:
            self._swept = time.monotonic()
            self.sweep()
        self._sweep(own)
        with held(own) as total:
            if total.files >= MAX_FILES:
                raise TooLargeError(f"A person's uploads hold {MAX_FILES:,} files at most")
            return total.size


def _place(own: Path, part: Path, target: Path) -> None:
    try:
        with held(own) as total:
            target.parent.mkdir(parents=True, exist_ok=True)
            before = target.stat().st_size if target.is_file() else None
            size = part.stat().st_size
            part.rename(target)
            total.files, total.size = total.files + (before is None), total.size + size - (before or 0)
    except OSError as error:
        raise UsageError(f"{target.name!r} cannot be a file here: {error.strerror}") from error
