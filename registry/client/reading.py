"""The files of a version from one stream, each checked by its digest: what `TransferVerbs.read_input` gives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lineage import Digest
from registry.client.transport.downloads import check
from registry.domain.manifests import FileEntry
from registry.domain.names import Reference
from registry.domain.verbs.transfers import TransferVerbs
from registry.errors import DigestMismatchError
from registry.folders import writing

CHUNK = 1024**2


def read_files(
    transfers: TransferVerbs, exact: Reference, reading: str, files: Sequence[FileEntry], folder: Path | None
) -> None:
    """Read every file; into `folder` where one is given. Raises: DigestMismatchError, NoSpaceError."""
    with transfers.read_input(exact, reading) as stream:
        for entry in files:
            hashed, left = hashlib.sha256(), entry.size
            with _opened(None if folder is None else folder / entry.path) as out:
                while left and (data := stream.read(min(CHUNK, left))):
                    left -= len(data)
                    hashed.update(data)
                    if out is not None:
                        out.write(data)
            check(entry, Digest(hashed.hexdigest()), exact)
        if stream.read(1):
            raise DigestMismatchError(f"More came of {exact} than its files", remedy="Try again")


@contextmanager
def _opened(target: Path | None) -> Iterator[BinaryIO | None]:
    if target is None:
        yield None
        return
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            yield out
